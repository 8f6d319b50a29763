"""What include/ssecast.h declares, for the tests that go through all of it."""

import re
from pathlib import Path

PATH = Path(__file__).resolve().parents[3] / "include/ssecast.h"


class Header:
    def __init__(self, path=PATH):
        text = re.sub(r"//[^\n]*|/\*.*?\*/", "", path.read_text(), flags=re.S)
        self.constants = re.findall(r"^#define (SSECAST_(?!H$|VERSION)\w+) (.+)$", text, flags=re.M)
        self.version = re.search(r'SSECAST_VERSION_STRING "(.+)"', text)[1]
        text = re.sub(r"^#.*$", "", text, flags=re.M)
        self.enums = {
            name: re.findall(r"(\w+) = (\d+)", body)
            for name, body in re.findall(r"enum (\w+)\s*(?:: uint32_t)?\s*\{(.*?)\};", text, flags=re.S)
        }
        self.structs = {
            name: [field(line) for line in body.split(";") if line.strip()]
            for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", text, flags=re.S)
        }
        self.handles = re.findall(r"typedef struct (\w+) \1;", text)
        self.callbacks = {
            name: f"{result} ({plain(arguments)})"
            for result, name, arguments in re.findall(r"typedef (\w+) \(\*(\w+)\)\((.*?)\);", text, flags=re.S)
        }
        functions = re.sub(r"typedef.*?;", "", text.split('extern "C" {')[1], flags=re.S)
        self.functions = [
            (name, plain(result), [] if plain(arguments) == "void" else [argument(each) for each in arguments.split(",")])
            for result, name, arguments in re.findall(r"([\w\s*]+?[\s*])(ssecast_\w+)\((.*?)\);", functions, flags=re.S)
        ]


def plain(text):
    """A type or declaration, with one space where there are any and no `struct`."""
    return re.sub(r"\s+", " ", re.sub(r"\bstruct ", "", text)).strip().replace(" *", "*").replace("* ", "*")


def field(line):
    """A member's name and type."""
    type_, name, array = re.match(r"(.*?)(\w+)(\[\d+\])?$", plain(line)).groups()
    return name, plain(type_) + (array or "")


def argument(text):
    """A parameter's type and name."""
    type_, name = re.match(r"(.*?)(\w+)$", plain(text)).groups()
    return plain(type_), name
