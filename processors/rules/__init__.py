"""What the rules file asks for, resolved for one partnership; no IO."""

from processors.rules.book import OVERRIDE, RuleBook, Rules, RuleSetting, faults

__all__ = ["OVERRIDE", "RuleBook", "RuleSetting", "Rules", "faults"]
