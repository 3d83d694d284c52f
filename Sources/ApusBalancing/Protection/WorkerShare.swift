/// What one worker takes of a number that is meant for all workers together.
enum WorkerShare {
    /// The share rounded up, at least 1: the shares of all workers come to the number or a little more, never to less.
    static func roundedUp(_ number: Int, of workers: Int) -> Int {
        let workers = max(1, workers)
        return max(1, number / workers + (number % workers > 0 ? 1 : 0))
    }
}
