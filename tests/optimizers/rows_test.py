"""Tests of the table of optimizers; against their classes: `registry_test`."""

from absl.testing import absltest
from absl.testing import parameterized

from needle_tf.optimizers import options
from needle_tf.optimizers import rows


class RowsTest(parameterized.TestCase):
    @parameterized.named_parameters(rows.ROWS.items())
    def test_row_names_options_that_exist_and_each_once(self, row):
        read = (*row.own, *row.inherited)
        self.assertLen(set(read), len(read))
        self.assertLessEqual({*read, *row.decays}, options.OPTIONS.keys())
        self.assertLessEqual(row.but.keys(), set(row.own))

    def test_what_is_inherited_is_read_by_most(self):
        for option in options.INHERITED:
            readers = [
                name
                for name, row in rows.ROWS.items()
                if option.name in row.inherited
            ]
            self.assertGreater(len(readers), len(rows.ROWS) / 2, option.name)

    def test_one_optimizer_wraps_others(self):
        wrappers = [name for name, row in rows.ROWS.items() if row.wraps]
        self.assertEqual(wrappers, ["layca"])
        self.assertLessEqual(set(options.INNER), rows.ROWS.keys())

    def test_those_built_for_a_network_are_around_one_optimizer_each(self):
        found = {name: row.inside for name, row in rows.ROWS.items()}
        self.assertEqual(
            {name: inside for name, inside in found.items() if inside},
            {
                "ec_adam": "keras.optimizers.Adam",
                "ec_momentum": "keras.optimizers.SGD",
                "ec_sgd": "keras.optimizers.SGD",
            },
        )


if __name__ == "__main__":
    absltest.main()
