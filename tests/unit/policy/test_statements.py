import pytest
from cedarpy import Schema

from appliance.errors import PolicyInvalidError
from appliance.policy.statements import MAX_STATEMENT_CHARACTERS, parse_schema, parse_statements, policy_set

SCHEMA = """
// Words.
entity Client = { name: String };
entity Task;
action UseTask appliesTo { principal: [Client], resource: [Task], context: { count: Long } };
"""

GOOD = '@id("one") @reason("Because; really. // no comment.") permit (principal, action, resource);'


@pytest.fixture
def schema() -> Schema:
    return parse_schema("s", SCHEMA)


def test_policies_are_found_with_their_lines_and_words(schema: Schema) -> None:
    other = '@id("two-b")\n@reason("No.")\nforbid (principal, action, resource);'
    text = f"// comment; with a semicolon\n\n{GOOD}\n\n// more\n{other}\n// end"

    forms = list(parse_statements("f.cedar", text, schema))

    told = [(each.id, each.effect, each.reason, each.line) for each, _form in forms]
    assert told == [("one", "permit", "Because; really. // no comment.", 3), ("two-b", "forbid", "No.", 6)]
    assert len(policy_set(forms)) == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\npermit (principal, action, resource)", "f.cedar:2: this is no Cedar policy"),
        (
            "\n\npermit (principal\n action);",
            "f.cedar:4: this is no Cedar policy (unexpected token `action`)",
        ),
        (
            "permit (principal, action, resource)\nwhen {\nprincipal.x == 1\n|| principal.x == 2 };",
            "f.cedar:1: the policy does",
        ),
        (";", "f.cedar:1: this is no Cedar policy"),
        ('@id("a") permit (principal, action, resource);', "f.cedar:1: the policy needs @id"),
        ("\npermit (principal, action, resource);", "f.cedar:2: the policy needs @id"),
        ('@id("Aa b") @reason("R.") permit (principal, action, resource);', "f.cedar:1: the policy needs @id"),
        ('@id("aaa") permit (principal, action, resource);', "f.cedar:1: policy 'aaa' needs"),
        (
            '@id("a1b") @reason("A\\nB.") permit (principal, action, resource);',
            "f.cedar:1: policy 'a1b' needs",
        ),
        ('@id("aaa") @reason permit (principal, action, resource);', "f.cedar:1: policy 'aaa' needs"),
        ("permit (principal == ?principal, action, resource);", "f.cedar:1: a template decides nothing here"),
        (
            "permit (principal, action, resource)\nwhen {\n principal.nmae == 1 };",
            "f.cedar:3: the policy does not fit schema.cedarschema (attribute `nmae`",
        ),
        ("permit (principal is Nurse, action, resource);", "f.cedar:1: the policy does not fit schema.cedarschema"),
        (
            f"\n// {'x' * MAX_STATEMENT_CHARACTERS}\npermit {' ' * MAX_STATEMENT_CHARACTERS};",
            "f.cedar:3: longer",
        ),
        ("\npermit (principal, action, resource) when { " + "(" * 5000, "f.cedar:2: more than 32 brackets"),
    ],
)
def test_a_bad_policy_is_refused_with_its_line_and_what_to_do(schema: Schema, text: str, said: str) -> None:
    with pytest.raises(PolicyInvalidError) as error:
        list(parse_statements("f.cedar", text, schema))

    assert error.value.public.startswith(said)
    assert "\n" not in error.value.public


def test_nesting_that_would_kill_the_process_never_reaches_cedar(schema: Schema) -> None:
    deep = f"permit (principal, action, resource) when {{ {'(' * 1900}true{')' * 1900} }};"

    with pytest.raises(PolicyInvalidError, match="more than 32 brackets within each other; simplify it"):
        list(parse_statements("f.cedar", deep, schema))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("entity A;\n\nentity B = {{", "s:3: the schema does not hold (error parsing schema"),
        ("entity A;\nentity B = { name: Strnig };", "s:2: the schema does not hold (failed to resolve type: Strnig)"),
        ("entity A;\nentity B = { a: " + "Set<" * 500 + "Long", "s:2: more than 32 brackets"),
        ("namespace X { entity A = { name: Nothing }; }", "s:1: the schema does not hold"),
    ],
)
def test_a_bad_schema_is_refused_with_its_line(text: str, said: str) -> None:
    with pytest.raises(PolicyInvalidError) as error:
        parse_schema("s", text)

    assert error.value.public.startswith(said)
