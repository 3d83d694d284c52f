import ApusBalancing
import Testing

/// A backup gets requests when none of the others is left, and not before; tiers spill over.
@Suite struct BackupTests {
    private static func pool(panicThreshold: Int = 0) -> PoolPicker {
        PoolPicker(
            [Place(), Place(), Place(), Place(tier: 1), Place(isBackup: true)], panicThreshold: panicThreshold)
    }

    @Test func aBackupGetsNothingWhileAnybodyElseIsLeft() {
        var picker = PoolPicker([Place(), Place(), Place(), Place(isBackup: true)])
        #expect(picker.counts(12, of: 4) == [4, 4, 4, 0])
        for gone in 0..<2 {
            picker.setAvailable(gone, false, now: 0)
            #expect(picker.counts(12, of: 4)[3] == 0, "\(gone + 1) of three are down")
        }
        #expect(picker.ranks.map(\.percent) == [100, 0])
        picker.setAvailable(2, false, now: 0)
        #expect(picker.counts(12, of: 4) == [0, 0, 0, 12])
        picker.setAvailable(1, true, now: 0)
        #expect(picker.counts(12, of: 4) == [0, 12, 0, 0])
    }

    @Test func drainingTheOthersIsTheSame() {
        var picker = PoolPicker([Place(), Place(), Place(isBackup: true)])
        picker.setWeight(0, 0, now: 0)
        #expect(picker.counts(6, of: 3) == [0, 6, 0])
        picker.setWeight(1, 0, now: 0)
        #expect(picker.counts(6, of: 3) == [0, 0, 6])
    }

    @Test func tiersSpillOverAndBackupsComeAfterAllOfThem() {
        var picker = Self.pool()
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(1, false, now: 0)
        #expect(follow(picker.counts(9_000, of: 5), shares: [0, 0, 7, 8, 0]))
        picker.setAvailable(2, false, now: 0)
        #expect(picker.counts(9, of: 5) == [0, 0, 0, 9, 0])
        picker.setAvailable(3, false, now: 0)
        #expect(picker.counts(9, of: 5) == [0, 0, 0, 0, 9])
        #expect(picker.ranks.map(\.name) == ["tier 0", "tier 1", "backup"])
    }

    /// For a request that has tried all the others there is nobody else either.
    @Test func aRequestThatHasTriedTheOthersGoesToTheBackup() {
        var picker = Self.pool()
        let visited = picker.visited()
        #expect(Set(visited.prefix(3)) == [0, 1, 2])
        #expect(visited.suffix(2) == [3, 4])
    }

    @Test func inAPanicABackupThatIsUpIsBetterThanOthersThatAreNot() {
        var picker = PoolPicker([Place(), Place(), Place(isBackup: true)], panicThreshold: 50)
        picker.setAvailable(0, false, now: 0)
        picker.setAvailable(1, false, now: 0)
        #expect(picker.isPanicking)
        #expect(picker.counts(4, of: 3) == [0, 0, 4])
    }

    @Test func whereAllAreBackupsNoneIsOne() {
        var picker = PoolPicker([Place(isBackup: true), Place(isBackup: true)])
        #expect(picker.counts(4, of: 2) == [2, 2])
    }
}
