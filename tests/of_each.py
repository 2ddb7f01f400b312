"""One test for many things, which names all those that fail."""

import functools
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any


def of_each(things: Mapping[str, Any]) -> Callable:
    """Lets a test method be called with each of the things, by their names.

    Thousands of tests of their own would take longer to be counted than run.
    """

    def decorate(test: Callable) -> Callable:
        @functools.wraps(test)
        def run(self):
            wrong = []
            for name, thing in things.items():
                try:
                    test(self, thing)
                except self.failureException as error:
                    wrong.append(f"{name}: {error}")
            self.assertEmpty(wrong, "\n" + "\n".join(wrong))

        # Else pytest would take the argument for a fixture.
        del run.__wrapped__
        return run

    return decorate
