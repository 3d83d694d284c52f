import Foundation
import Testing

@testable import ApusConfig

/// The table of other proxies' words.
@Suite struct KeyAdviceTests {
    /// A word that is no key anywhere would send its reader to look for something that there is not.
    @Test(arguments: ForeignWord.all.map(\.key).sorted())
    func whatAWordIsCalledHereIsAKey(word: String) throws {
        let foreign = try #require(ForeignWord(word))
        for place in foreign.places {
            let key = String(place.split(separator: ".").last ?? "")
            #expect(ConfigurationSchema.places(of: key).contains(place))
        }
        #expect(!foreign.places.isEmpty || foreign.note != nil)
    }

    @Test func wordsAreFoundHoweverTheyAreSpelled() {
        for word in ["proxy_pass", "proxyPass", "proxy-pass", "PROXY_PASS"] {
            #expect(KeyAdvice(for: word, among: ["path", "pool"]).meant == "pool")
        }
    }

    /// What a word means depends on where it stands.
    @Test(arguments: [
        (["listeners", "pools"], "listeners"), (["balance", "endpoints"], "endpoints"),
        (["address", "weight"], "address"), (["response_head", "idle"], "response_head"),
    ])
    func aWordMeansWhatItsSectionHas(known: [String], meant: String) {
        #expect(KeyAdvice(for: "server", among: known).meant == meant)
    }

    @Test func aSlipOfTheFingerIsNoForeignWord() {
        #expect(KeyAdvice(for: "hosts", among: ["host", "path"]).text == "did you mean `host`?")
    }

    @Test func aKeyOfAnotherSectionIsSentThere() {
        #expect(KeyAdvice(for: "strip_prefix", among: ["path", "rewrite"]).text == "write it below `rewrite`")
        #expect(KeyAdvice(for: "balance", among: ["bind"]).text == "it stands elsewhere: `pools.NAME.balance`")
        #expect(KeyAdvice(for: "watch", among: ["bind"]).text == "it stands at the top of a configuration")
    }
}
