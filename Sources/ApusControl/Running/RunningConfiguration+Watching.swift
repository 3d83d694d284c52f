import ApusAddresses
import ApusConfig
import ApusModel
import ServiceLifecycle

/// The files are looked at every now and then, where `watch` asks for it.
extension RunningConfiguration {
    /// Watches until the task is cancelled or the surrounding service group shuts down.
    ///
    /// Reloads once the files have changed and then stayed as they are for one interval: an editor or a tool that writes
    /// several files is let finish. What was refused is tried again when the files change again, and not before. Costs a
    /// look each interval at what the configuration was read from, and nothing while `watch` is off, which a reload may
    /// change.
    public func watch() async {
        await cancelWhenGracefulShutdown { await self.watchUntilCancelled() }
    }

    private func watchUntilCancelled() async {
        guard path != nil else { return }
        var detector = ChangeDetector()
        while !Task.isCancelled, !hasSuccessor {
            let interval = loaded.snapshot.operations.watchInterval
            // Whether it has been turned on is looked at now and then.
            do { try await Task.sleep(for: interval ?? .seconds(1)) } catch { return }
            guard interval != nil else { continue }
            if await lookAtFiles(&detector) { _ = try? await reload(.watch) }
        }
    }

    /// Whether there is something to reload.
    private func lookAtFiles(_ detector: inout ChangeDetector) async -> Bool {
        let loader = loader
        if watched == nil {
            let (path, digest) = (path, revision.digest)
            watched = try? await ownFiles.run { isGivenUp in
                var loader = loader
                loader.isGivenUp = isGivenUp
                return WatchedFiles(path, digest, loader)
            }
        }
        guard let known = watched,
            let now = try? await ownFiles.run({ _ in known.look(loader) })
        else { return false }
        return detector.isSettled(read: known.state, now: now)
    }
}

extension WatchedFiles {
    /// What a configuration is read from, found out by reading it. Where that is not what runs, everything counts as
    /// changed.
    fileprivate init(_ path: String?, _ digest: String, _ loader: ConfigurationLoader) {
        let record = ReadingRecord()
        var loader = record.recording(loader)
        // Names are of no interest here, and may take long.
        loader.resolve = { _ in [.anyIPv6] }
        let loaded = path.flatMap { try? loader.load(path: $0) }
        self = record.files
        if let loaded, Revision.digest(of: loaded.files) != digest { forgetStamps() }
    }
}
