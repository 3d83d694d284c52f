import CApusSystem
import Foundation
import Glibc
import Testing

@testable import ApusProcess

@Suite("Privileges")
struct PrivilegeTests {
    static let isRoot = geteuid() == 0

    @Test("becoming another user: no way back, and of root's rights only low ports", .enabled(if: isRoot))
    func becoming() async {
        await #expect(processExitsWith: .success) {
            // The test's process has threads; what matters is this one's.
            try Privileges.change(to: "nobody", nil)
            try #require(getuid() == 65534 && geteuid() == 65534 && getgid() == 65534)
            try #require(apus_can_become(0) == 0)
            try #require(open("/etc/shadow", O_RDONLY) == -1)
            let status = try String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)
            func line(_ name: String) -> String? {
                status.split(separator: "\n").first { $0.hasPrefix(name + ":") }.map {
                    $0.dropFirst(name.count + 1).trimmingCharacters(in: .whitespaces)
                }
            }
            let lowPorts = String(repeating: "0", count: 13) + "400"
            for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] { try #require(line(set) == lowPorts) }
            try #require(line("NoNewPrivs") == "1")
            try #require(line("Groups") == "65534")
            // A free port below 1024 can be bound.
            let bound = (900..<1024).lazy.map { port in
                apus_is_free(apus_address(high: 0, low: 0xffff_7f00_0001, port: UInt16(port)))
            }
            try #require(bound.contains(0))
        }
    }

    @Test("rights are a thread's own: with more of them nothing is changed", .enabled(if: isRoot))
    func threads() {
        #expect {
            try Privileges.become(user: "nobody")
        } throws: { error in
            guard case .severalThreads(let count) = error as? PrivilegeError else { return false }
            return count > 1
        }
        #expect(geteuid() == 0)
    }

    @Test("users and groups that are not there are named")
    func unknown() {
        #expect(throws: PrivilegeError.unknownUser("apus-no-such-user")) {
            try Privileges.change(to: "apus-no-such-user", nil)
        }
        #expect(throws: PrivilegeError.unknownGroup("apus-no-such-group")) {
            try Privileges.change(to: "root", "apus-no-such-group")
        }
    }

    @Test("only root can become somebody else", .enabled(if: isRoot))
    func notRoot() async {
        await #expect(processExitsWith: .success) {
            try Privileges.change(to: "nobody", nil)
            do throws(PrivilegeError) {
                try Privileges.change(to: "root", nil)
            } catch {
                guard error == .notRoot(wanted: "root", actual: 65534) else { throw error }
                // To what one is already, one may change.
                return try Privileges.change(to: "nobody", nil)
            }
            exit(1)
        }
    }
}
