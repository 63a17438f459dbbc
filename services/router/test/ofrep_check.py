"""Asks a router which version each entity gets, with OpenFeature's SDK and its OFREP provider.

Usage: ofrep_check.py BASE_URL PROJECT ENTITY...
Prints JSON: the versions in the order of the entities, the reasons that were given, and what a flag that there is not and a
context without a key come to.
"""

import json
import sys

from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext

NOT_ASKED = -1


def refused(details):
    return {"value": details.value, "errorCode": details.error_code and details.error_code.value}


def main():
    base_url, project, *entities = sys.argv[1:]
    api.set_provider(OFREPProvider(base_url))
    client = api.get_client()
    ask = lambda flag, key: client.get_integer_details(flag, NOT_ASKED, EvaluationContext(targeting_key=key))
    told = [ask(project, entity) for entity in entities]
    print(
        json.dumps(
            {
                "versions": [one.value for one in told],
                "reasons": sorted({str(getattr(one.reason, "value", one.reason)) for one in told}),
                "missing": refused(ask("nobody", entities[0])),
                "keyless": refused(ask(project, None)),
            }
        )
    )


main()
