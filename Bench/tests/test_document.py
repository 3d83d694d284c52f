"""The part about TLS of docs/benchmarks.md is renewed, and nothing else there."""

import tempfile
import unittest
from pathlib import Path

from apusbench.document import write_tls
from apusbench.machine import describe_machine
from apusbench.places import BenchError
from apusbench.proxies import proxies_named
from apusbench.report import Run, as_markdown
from apusbench.results import Results, Round
from apusbench.scenarios import scenarios_named
from apusbench.targets import judge


def run(cpu: float, *scenarios: str) -> Run:
    results = Results(["nginx"])
    for scenario in scenarios:
        results.add(Round(scenario, "apus", cpu_user=cpu))
        results.add(Round(scenario, "nginx", cpu_user=10))
    options = {"rounds": 1, "seconds": 5, "warmup": 1}
    named, proxies = scenarios_named(list(scenarios)), proxies_named(["apus", "nginx"])
    return Run("2026-01-01", describe_machine(), {}, options, named, proxies, results, None, judge(results))


class DocumentTests(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.document = Path(folder.name) / "benchmarks.md"

    def test_new_then_renewed(self) -> None:
        self.document.write_text("# Benchmarks\n\n## Small\n\nsmall\n\n## Picking\n\npicking\n")
        write_tls(run(5, "tls-64", "tls-new"), self.document)
        first = self.document.read_text()
        self.assertTrue(first.startswith("# Benchmarks\n\n## Small\n\nsmall\n\n## TLS\n"))
        self.assertTrue(first.endswith("\n\n## Picking\n\npicking\n"))
        self.assertIn("### TLS 1.3: small responses", first)
        self.assertIn("0.50 (nginx)", first)
        self.assertNotIn("not measured", first)
        write_tls(run(7, "tls-64"), self.document)
        second = self.document.read_text()
        self.assertIn("0.70 (nginx)", second)
        self.assertNotIn("0.50 (nginx)", second)
        self.assertNotIn("`tls-new`", second)
        self.assertEqual(second.count("## TLS\n"), 1)
        self.assertTrue(second.endswith("\n\n## Picking\n\npicking\n"))

    def test_no_place_for_it(self) -> None:
        self.document.write_text("# Something else\n")
        with self.assertRaises(BenchError):
            write_tls(run(5, "tls-64"), self.document)

    def test_in_a_whole_report_it_comes_after_the_others(self) -> None:
        text = as_markdown(run(5, "tls-64", "small-64"))
        self.assertLess(text.index("`small-64`"), text.index("\n## TLS\n"))
        self.assertLess(text.index("\n## TLS\n"), text.index("`tls-64`"))


class ScenarioTests(unittest.TestCase):
    def test_all_with_tls(self) -> None:
        names = [scenario.name for scenario in scenarios_named(["tls"])]
        self.assertEqual(names[0], "tls-64")
        self.assertNotIn("small-64", names)

    def test_the_floor_speaks_no_tls(self) -> None:
        (floor,) = proxies_named(["floor"])
        self.assertFalse(any(scenario.includes(floor) for scenario in scenarios_named(["tls"])))


if __name__ == "__main__":
    unittest.main()
