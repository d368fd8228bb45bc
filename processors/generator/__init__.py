"""Generated engagement: canonical events in order of arrival, with partnerships and the truth about them.

::

    scenario = load_scenario(None, seed=7)        # the default population, or a YAML file
    generated = generate(scenario)
    for arrived_at, key, value in generated.events():
        ...
    generated.write(Path("out"))                  # what `rapport evaluate` reads

The numbers behind it were measured on real accounts; each is named where it is used.
"""

from processors.generator.errors import ScenarioError
from processors.generator.generated import Generated, generate
from processors.generator.influencer import Record
from processors.generator.scenario import Scenario, load_scenario

__all__ = ["Generated", "Record", "Scenario", "ScenarioError", "generate", "load_scenario"]
