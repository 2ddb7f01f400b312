"""Tests of the lines along the relax epoch: names, colours, order."""

from absl.testing import absltest

from needle_tf.figures import palette
from needle_tf.figures import relax_lines
from needle_tf.reports import relax_groups
from needle_tf.reports import relax_names
from needle_tf.reports import relax_trials
from tests.reports import synthetic_relax_sweeps


class LinesTest(absltest.TestCase):
    def lines(self, *trials):
        folder = self.create_tempdir().full_path
        synthetic_relax_sweeps.write(folder, {}, trials)
        sweep = relax_trials.read(folder)
        names = relax_names.Names(sweep)
        facets = relax_groups.facets(sweep)
        return [relax_lines.of(facet, names) for facet in facets]

    def trial(self, settings, **changes):
        own = synthetic_relax_sweeps.stages((20, 0, 5), **changes)
        return synthetic_relax_sweeps.entry(settings), own

    def test_one_setting_is_called_and_coloured_by_its_kind(self):
        ((line,),) = self.lines(self.trial({}))
        self.assertEqual(line.name, "eFCN")
        self.assertEqual(line.color, palette.color_of_kind("efcn"))
        self.assertEqual([g.relax_epoch for g in line.groups], [0, 5, 20])

    def test_kinds_are_lines_of_their_own(self):
        (lines,) = self.lines(self.trial({}, kinds=("elcn", "efcn")))
        self.assertEqual([line.name for line in lines], ["eFCN", "eLCN"])
        self.assertEqual(
            [line.color for line in lines],
            [palette.color_of_kind(kind) for kind in ("efcn", "elcn")],
        )

    def test_settings_are_lines_from_light_to_dark_if_they_are_ordered(self):
        (lines,) = self.lines(
            *(self.trial({"rate": k}, gain=k / 99) for k in (1, 2, 3))
        )
        self.assertEqual(
            [x.name for x in lines], ["rate=1", "rate=2", "rate=3"]
        )
        looks = palette.setting_looks(3, is_ordered=True)
        self.assertEqual(
            [line.color for line in lines], [look["efcn"] for look in looks]
        )

    def test_what_settings_share_has_no_setting_in_its_name(self):
        trials = []
        for k in (1, 2):
            entry, own = self.trial({"space": f"s{k}"}, gain=k / 99)
            own += synthetic_relax_sweeps.stages((5,), kinds=("elcn",))[1:2]
            trials.append((entry, own))
        (lines,) = self.lines(*trials)
        self.assertEqual(
            [line.name for line in lines],
            ["eFCN, space=s1", "eFCN, space=s2", "eLCN"],
        )
        self.assertLen({line.color for line in lines}, 3)

    def test_names_in_a_facet_leave_away_what_it_is_called_by(self):
        trials = []
        for width in (1, 2):
            for rate in (3, 4):
                entry, own = self.trial(
                    {"width": width, "rate": rate}, gain=rate / 99
                )
                own[0]["epochs"][3]["loss"] = 1 / width
                for baseline in own[-2:]:
                    baseline["epochs"][3]["loss"] = 1 / width
                trials.append((entry, own))
        facets = self.lines(*trials)
        self.assertLen(facets, 2)
        for lines in facets:
            self.assertEqual([x.name for x in lines], ["rate=3", "rate=4"])

    def test_a_distance_have_those_with_off_local_weights_that_ended(self):
        (lines,) = self.lines(
            self.trial({"rate": 1}, kinds=("elcn", "efcn")),
            self.trial({"rate": 2}, gain=0.01, reached=25),
        )
        found = relax_lines.with_distance(lines)
        self.assertEqual([line.name for line in found], ["eFCN, rate=1"])


class SamplesTest(absltest.TestCase):
    def groups(self, relax_epochs):
        folder = self.create_tempdir().full_path
        synthetic_relax_sweeps.seed_sweep(folder, (0,), relax_epochs)
        return relax_groups.group(relax_trials.read(folder))

    def test_few_networks_are_all_shown(self):
        found = relax_lines.samples(self.groups((0, 5, 10)))
        self.assertEqual(
            list(found), ["CNN", "eFCN@0", "eFCN@5", "eFCN@10", "LCN", "FCN"]
        )

    def test_of_many_the_first_the_last_and_some_between_are_shown(self):
        groups = self.groups(range(0, 40, 2))
        found = relax_lines.samples(groups)
        self.assertEqual(
            list(found),
            "CNN eFCN@0 eFCN@10 eFCN@20 eFCN@28 eFCN@38 LCN FCN".split(),
        )
        colors = relax_lines.colors_of(groups)
        self.assertLen(set(colors.values()), 23)


if __name__ == "__main__":
    absltest.main()
