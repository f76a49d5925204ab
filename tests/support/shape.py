"""Measure the shape of our own code: the figures of the style guide, so that size is a failing test, not a debate."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

BRANCHES = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.ExceptHandler,
    ast.IfExp,
    ast.comprehension,
    ast.Assert,
    ast.match_case,
)
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Try, ast.With, ast.AsyncWith, ast.Match)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One parsed source file."""

    path: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[Function]:
        """Yield every function, methods and nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, FUNCTIONS))

    def lines(self) -> int:
        """Return how many lines the file has."""
        return self.text.count("\n")


def modules(root: Path, *packages: str) -> list[Module]:
    """Parse every Python file of the packages, except the scripts that run in another environment."""
    files = sorted(
        file for package in packages for file in (root / package).rglob("*.py") if "builder" not in file.parts
    )
    return [
        Module(path=str(file.relative_to(root)), text=text, tree=ast.parse(text))
        for file in files
        if (text := file.read_text()).strip()
    ]


def code_lines(module: Module, function: Function) -> int:
    """Count the lines of a function's body that are neither blank, nor comment, nor string statement."""
    strings = {
        number
        for node in ast.walk(function)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for number in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    rows = module.text.split("\n")
    body = range(function.body[0].lineno, (function.end_lineno or 0) + 1)
    return sum(bool(rows[n - 1].strip()) and not rows[n - 1].strip().startswith("#") and n not in strings for n in body)


def complexity(function: Function) -> int:
    """Return one, plus one a branch and a boolean operand."""
    nodes = list(ast.walk(function))
    operands = sum(len(node.values) - 1 for node in nodes if isinstance(node, ast.BoolOp))
    return 1 + operands + sum(isinstance(node, BRANCHES) for node in nodes)


def nesting(node: ast.AST, level: int = 0) -> int:
    """Return the deepest nesting of blocks, counting an elif as its if."""
    deepest = level
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (*FUNCTIONS, ast.ClassDef, ast.Lambda)):
            continue
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and node.orelse == [child]
        deepest = max(deepest, nesting(child, level + (isinstance(child, BLOCKS) and not is_elif)))
    return deepest


def deferred_imports(module: Module) -> int:
    """Count imports inside functions."""
    return sum(
        isinstance(inner, ast.Import | ast.ImportFrom)
        for function in module.functions()
        for inner in ast.walk(function)
    )


def broad_excepts(module: Module) -> list[str]:
    """Name the places that catch everything and do not raise it again."""
    return [
        module.path
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in {"Exception", "BaseException"}))
        and not any(isinstance(each, ast.Raise) and each.exc is None for each in node.body)
    ]


def public_names(module: Module) -> Iterator[tuple[str, bool]]:
    """Yield each public class, function and method, and whether it is documented; handlers have summaries instead."""
    for owner in (module.tree, *(node for node in module.tree.body if isinstance(node, ast.ClassDef))):
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not node.name.startswith("_") and not _overrides(node):
                yield f"{module.path}:{node.name}", ast.get_docstring(node) is not None


def _overrides(node: Function | ast.ClassDef) -> bool:
    return any(isinstance(each, ast.Name) and each.id in {"override", "overload"} for each in node.decorator_list)


def reveal_sites(module: Module) -> Iterator[str]:
    """Yield ``path:function reveal`` for each call that turns ClinicalText into characters, or makes SafeText."""
    for function in module.functions():
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(attr="reveal" | "reveal_bytes" as name), args=[]):
                    yield f"{module.path}:{function.name} {name}"
                case (
                    ast.Call(func=ast.Name(id="SafeText")) | ast.Call(func=ast.Attribute(value=ast.Name(id="SafeText")))
                ):
                    yield f"{module.path}:{function.name} makes SafeText"
