"""A zeroth-order estimator that forgot 1/alpha, and what the verifier says about it."""

from dataclasses import dataclass

from gradassay.estimators.zo_single_point import ZOSinglePoint
from gradassay.verify import failure_text, verify


@dataclass(frozen=True)
class ForgottenScale(ZOSinglePoint):
    def top_down(self, *arguments):
        return super().top_down(*arguments) * self.alpha  # undoes the division by alpha


failures = [r for r in verify({"forgotten_scale": ForgottenScale()}, seed=0) if r.verdict == "FAIL"]
print(failure_text(failures[0]))
