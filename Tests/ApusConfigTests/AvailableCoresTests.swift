import Testing

@testable import ApusConfig

@Suite struct AvailableCoresTests {
    @Test(arguments: [
        ("0", 1), ("0-1", 2), ("0-3,8,10-11", 7), ("5", 1), ("", nil), ("x", nil), ("3-1", nil), ("1-", nil),
    ])
    func countsTheCoresThatAreAllowed(list: String, expected: Int?) {
        let status = "Name:\tapus\nCpus_allowed:\tff\nCpus_allowed_list:\t\(list)\nMems_allowed_list:\t0\n"
        #expect(AvailableCores.allowed(status: status) == expected)
    }

    @Test(
        arguments: [
            // Version 2, in a container of its own namespace, and in a slice of systemd.
            (["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n"], 2),
            (["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"], nil),
            (
                [
                    "/proc/self/cgroup": "0::/system.slice/apus.service\n",
                    "/sys/fs/cgroup/system.slice/apus.service/cpu.max": "400000 100000\n",
                    "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000\n",
                ], 3
            ),
            // Version 1.
            (
                [
                    "/proc/self/cgroup": "5:memory:/x\n4:cpu,cpuacct:/docker/abc\n",
                    "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "50000\n",
                    "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                ], 1
            ),
            (
                [
                    "/proc/self/cgroup": "4:cpu,cpuacct:/\n", "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n",
                    "/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
                ], nil
            ),
            (["/proc/self/cgroup": "nonsense\n0:\n"], nil), ([:], nil),
            (["/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "0 0\n"], nil),
        ] as [([String: String], Int?)])
    func theQuotaOfTheCgroup(files: [String: String], expected: Int?) {
        #expect(CPUQuota.cores { files[$0] } == expected)
    }

    @Test func withoutTheLineNothingIsKnown() {
        #expect(AvailableCores.allowed(status: "Name:\tapus\n") == nil)
        #expect(AvailableCores.count >= 1)
    }
}
