#!/usr/bin/env python3
"""Writes protobuf-v1.36.txt: the protobuf messages of the API, with the names that their fields have in JSON.

    protobuf.py MESSAGES STRUCTURE > protobuf-v1.36.txt

MESSAGES lists each message's field numbers, names and types, recorded from a v1.36.2 server's own descriptors;
STRUCTURE is api-structure-v1.36.json. A field that STRUCTURE does not have is, if it holds a message, one that
JSON inlines: its name becomes `*`. Messages that no served object reaches are left out.
"""
import json
import sys

SCALARS = {"string", "bytes", "bool", "int32", "int64", "double"}


def definition(message):
    """`k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod` in OpenAPI."""
    return message.replace("k8s.io.", "io.k8s.", 1)


def full_name(kind, message):
    """The message of a field's type, which is short within a package; nothing for a scalar."""
    if kind in SCALARS:
        return None
    return kind if "." in kind else message.rsplit(".", 1)[0] + "." + kind


def types_of(field):
    return [field["map"][1]] if "map" in field else [field["type"]]


def json_name(field, properties, message):
    if field["name"] in properties:
        return field["name"]
    same = [name for name in properties if name.lower() == field["name"].lower()]
    if same:
        return same[0]
    if properties and full_name(types_of(field)[0], message):
        return "*"
    return field["name"]


def written(field, message):
    kind = types_of(field)[0]
    name = full_name(kind, message)
    kind = definition(name) if name else kind
    if "map" in field:
        return "map " + kind
    return ("list " if field.get("repeated") else "one ") + kind


def main():
    messages = json.load(open(sys.argv[1]))["messages"]
    structure = json.load(open(sys.argv[2]))["definitions"]
    reached = {message for message in messages if definition(message) in structure}
    todo = list(reached)
    while todo:
        message = todo.pop()
        for field in messages[message]:
            for name in filter(None, (full_name(kind, message) for kind in types_of(field))):
                if name not in reached and name in messages:
                    reached.add(name)
                    todo.append(name)
    print("# Made by protobuf.py from a v1.36.2 server's descriptors: number, name in JSON (* is inlined), type.")
    for message in sorted(reached, key=definition):
        print(definition(message))
        properties = structure.get(definition(message), {}).get("properties", {})
        for field in messages[message]:
            print(f" {field['n']} {json_name(field, properties, message)} {written(field, message)}")


main()
