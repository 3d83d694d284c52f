import Testing

/// What is done to a running Apus from day to day: the built `apus`, reloaded, upgraded, asked, killed and started again.
///
/// Nothing here is about speed: every wait ends as soon as what is waited for has happened, and gives up long after it
/// should have. One test runs at a time.
@Suite("Daily operations", .serialized, .timeLimit(.minutes(10))) struct DailyOperations {}
