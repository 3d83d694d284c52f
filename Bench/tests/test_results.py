"""Medians, ratios, verdicts and trends, from rounds made up here."""

import unittest

from apusbench.places import BenchError
from apusbench.results import Results, Round
from apusbench.soak import Sample, trend
from apusbench.targets import judge


def results(**cpu: list[float]) -> Results:
    made = Results(["nginx", "haproxy"])
    for proxy, values in cpu.items():
        for value in values:
            made.add(Round("small-64", proxy, cpu_system=value, p99=1))
    return made


class ResultsTests(unittest.TestCase):
    def test_median_of_valid_rounds_only(self) -> None:
        made = results(nginx=[3, 1, 2])
        made.add(Round("small-64", "nginx", void="1 failed request", cpu_system=100))
        summary = made.summary("small-64", "nginx")
        spread = summary.spread(lambda r: r.cpu)
        self.assertEqual((spread.median, spread.low, spread.high), (2, 1, 3))
        self.assertEqual(summary.void, ["1 failed request"])

    def test_best_peer_is_neither_apus_nor_the_floor(self) -> None:
        best = results(apus=[1], floor=[0.5], nginx=[4], haproxy=[3]).best_peer("small-64", lambda r: r.cpu)
        self.assertEqual(best and best.proxy, "haproxy")

    def test_a_proxy_with_void_rounds_only_is_named(self) -> None:
        made = results(nginx=[1])
        made.add(Round("small-64", "haproxy", void="did not start"))
        self.assertEqual([summary.proxy for summary in made.without_valid_rounds()], ["haproxy"])

    def test_rounds_are_compared_in_pairs_that_are_both_valid(self) -> None:
        made = results(apus=[2, 6, 3])
        for value, void in ((1, None), (2, "1 failed request"), (4, None)):
            made.add(Round("small-64", "before", void=void, cpu_system=value))
        self.assertEqual(made.paired_ratios("small-64", "apus", "before", lambda r: r.cpu), [2, 0.75])
        self.assertEqual(made.paired_ratios("small-64", "apus", "nginx", lambda r: r.cpu), [])


class TargetTests(unittest.TestCase):
    def test_met_and_missed(self) -> None:
        verdicts = judge(results(apus=[13], floor=[11], nginx=[14], haproxy=[16]))
        self.assertEqual([v.met for v in verdicts[:2]], [False, True])
        self.assertEqual(verdicts[0].figure, "0.93 (nginx)")
        self.assertIsNone(verdicts[4].met)

    def test_exactly_at_the_limit_is_met(self) -> None:
        self.assertTrue(judge(results(apus=[9], floor=[9], nginx=[10], haproxy=[10]))[0].met)


class TrendTests(unittest.TestCase):
    def samples(self, values: list[int]) -> list[Sample]:
        return [Sample(5.0 * i, value, value) for i, value in enumerate(values)]

    def test_flat(self) -> None:
        self.assertTrue(trend(self.samples([10_000, 10_004, 9_998, 10_002, 10_000, 10_001])).is_flat)

    def test_a_leak(self) -> None:
        found = trend(self.samples([10_000 + 100 * i for i in range(12)]))
        self.assertAlmostEqual(found.slope_per_minute, 1200)
        self.assertFalse(found.is_flat)

    def test_too_few_samples(self) -> None:
        with self.assertRaises(BenchError):
            trend(self.samples([1, 2, 3]))


if __name__ == "__main__":
    unittest.main()
