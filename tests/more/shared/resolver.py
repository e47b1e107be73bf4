"""Resolves parameters, conditions and intrinsic functions of a CloudFormation template.

Only what bootstrap/template.yaml uses; anything else is an error, so that no test passes on what was not
understood. Attributes and references to resources become names that say what they stand for.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml

REGION = "eu-north-1"
ACCOUNT = "123456789012"
STACK = "Club-1"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
# What takes the place of AWS::NoValue until its key is left out.
NOTHING = object()


class Refused(Exception):
    """A parameter or a rule says no, in the words that a person would see."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short_form(loader: yaml.Loader, suffix: str, node: yaml.Node) -> dict:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def load(path) -> dict:
    """The template as it is written, short forms made long."""
    return yaml.load(path.read_text(), _Loader)


class Stack:
    """A template with values for its parameters."""

    def __init__(self, template: dict, **parameters: str):
        self.template = template
        self.parameters = _values(template["Parameters"], parameters)
        for name, rule in template.get("Rules", {}).items():
            if self._is_true(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self._is_true(assertion["Assert"]):
                        raise Refused(assertion["AssertDescription"])
        self.conditions = {
            name: self._is_true(condition) for name, condition in template["Conditions"].items()
        }
        self.resources = {name: self.resolve(resource) for name, resource in self._present("Resources")}
        self.outputs = {name: self.resolve(output["Value"]) for name, output in self._present("Outputs")}

    def _present(self, section: str) -> Iterator[tuple[str, dict]]:
        """What the stack has of a section."""
        for name, part in self.template[section].items():
            if "Condition" not in part or self.conditions[part["Condition"]]:
                yield name, part

    def properties(self, name: str) -> dict:
        """A resource's properties; KeyError if the stack does not have it."""
        return self.resources[name].get("Properties", {})

    def of_type(self, kind: str) -> dict[str, dict]:
        """Properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def resolve(self, value: Any) -> Any:
        """The value with everything in it resolved."""
        if isinstance(value, list):
            return [part for part in map(self.resolve, value) if part is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), = value.items()
            if name == "Ref":
                return self._ref(argument)
            if name.startswith("Fn::"):
                return self._function(name, argument)
        resolved = {name: self.resolve(part) for name, part in value.items()}
        return {name: part for name, part in resolved.items() if part is not NOTHING}

    def _function(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            condition, yes, no = argument
            return self.resolve(yes if self.conditions[condition] else no)
        if name == "Fn::GetAtt":
            return self._attribute(*argument)
        if name == "Fn::Sub":
            text, names = (argument, {}) if isinstance(argument, str) else argument
            names = {name: self.resolve(part) for name, part in names.items()}
            return re.sub(r"\$\{([^}]+)\}", lambda found: self._named(found[1], names), text)
        raise NotImplementedError(name)

    def _named(self, name: str, names: dict) -> str:
        if name in names:
            return str(names[name])
        if "." in name:
            return self._attribute(*name.split(".", 1))
        return str(self._ref(name))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self._resource(name)
        # What CloudFormation returns for these is the name given.
        for key in ("BucketName", "FunctionName", "LogGroupName"):
            given = self.resolve(resource.get("Properties", {}).get(key, NOTHING))
            if given is not NOTHING:
                return given
        return f"<{name}>"

    def _attribute(self, name: str, attribute: str) -> str:
        kind = self._resource(name)["Type"]
        if (kind, attribute) == ("AWS::Lambda::Function", "Arn"):
            return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self._ref(name)}"
        if (kind, attribute) == ("AWS::Logs::LogGroup", "Arn"):
            return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{self._ref(name)}:*"
        if (kind, attribute) == ("AWS::Lambda::Url", "FunctionUrl"):
            return f"https://abc.lambda-url.{REGION}.on.aws/"
        if (kind, attribute) == ("AWS::S3::Bucket", "RegionalDomainName"):
            return f"{self._ref(name)}.s3.{REGION}.amazonaws.com"
        return f"<{name}.{attribute}>"

    def _resource(self, name: str) -> dict:
        resource = self.template["Resources"][name]
        if "Condition" in resource and not self.conditions[resource["Condition"]]:
            raise KeyError(f"{name} is not in this stack")
        return resource

    def _is_true(self, condition: Any) -> bool:
        if isinstance(condition, bool):
            return condition
        (name, argument), = condition.items()
        if name == "Fn::Equals":
            left, right = map(self.resolve, argument)
            return str(left) == str(right)
        if name == "Fn::Not":
            return not self._is_true(argument[0])
        raise NotImplementedError(name)


def _values(declared: dict, given: dict) -> dict:
    """Parameters with defaults, checked as CloudFormation checks them."""
    unknown = set(given) - set(declared)
    if unknown:
        raise Refused(f"Parameters: {sorted(unknown)} do not exist in the template")
    values = {}
    for name, rule in declared.items():
        value = str(given.get(name, rule.get("Default")))
        message = rule.get("ConstraintDescription", f"{name}: not permitted")
        if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
            raise Refused(message)
        if "AllowedValues" in rule and value not in map(str, rule["AllowedValues"]):
            raise Refused(message)
        if rule["Type"] == "Number":
            if not re.fullmatch(r"-?[0-9]+", value):
                raise Refused(message)
            number = int(value)
            if not rule.get("MinValue", number) <= number <= rule.get("MaxValue", number):
                raise Refused(message)
            values[name] = number
        else:
            values[name] = value
    return values
