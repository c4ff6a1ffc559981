"""Results in the XML that continuous-integration servers read."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree

from gradassay.core.records import CheckResult
from gradassay.verify.checks.failure_text import failure_text


def junit_xml(results: Sequence[CheckResult]) -> str:
    """Return one test suite an estimator, one test case a check.

    A FAIL is a failure; INCONCLUSIVE and an expected failure are skipped, with the reason.

    Parameters
    ----------
    results : sequence of CheckResult
        In any order.
    """
    root = ElementTree.Element("testsuites", name="gradassay")
    for subject in dict.fromkeys(result.subject for result in results):
        own = [result for result in results if result.subject == subject]
        failures = sum(result.verdict == "FAIL" for result in own)
        skipped = sum(result.verdict in ("INCONCLUSIVE", "XFAIL") for result in own)
        counts = {"tests": len(own), "failures": failures, "skipped": skipped, "errors": 0}
        attributes = {"name": subject} | {name: str(number) for name, number in counts.items()}
        suite = ElementTree.SubElement(root, "testsuite", attributes)
        for result in own:
            name = f"{result.check} on {result.problem}: {result.claim}"
            case = ElementTree.SubElement(suite, "testcase", classname=subject, name=name)
            if result.verdict == "FAIL":
                failure = ElementTree.SubElement(case, "failure", message=result.detail)
                failure.text = failure_text(result)
            elif result.verdict != "PASS":
                reason = f"{result.verdict}: {result.detail}"
                ElementTree.SubElement(case, "skipped", message=reason)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"
