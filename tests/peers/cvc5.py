#!/usr/bin/env python3
"""cvc5 as a program: the wheel on PyPI brings the library alone.

Reads SMT-LIB commands on standard input and answers each on standard output as soon as it is whole, with the program's options
(`--strings-exp`, `--tlimit-per=5000`). What a proof asks begins with `(reset)`, which starts over with the same options.
"""

import sys

# Not this file, which has the library's name.
sys.path = [path for path in sys.path if not path.endswith("tests/peers")]
import cvc5


def options(arguments):
    """The options of the program as pairs of name and value; the language is always SMT-LIB."""
    arguments = [argument for argument in arguments if argument not in ("--lang", "smt")]
    named = (argument.removeprefix("--").partition("=") for argument in arguments)
    return [(name, value or "true") for name, _, value in named]


def commands(lines):
    """Each command as soon as its last parenthesis is read: those in texts, quoted symbols and comments do not count."""
    command, depth, within = "", 0, ""
    for line in lines:
        for letter in line:
            command += letter
            if within:
                if letter == within:
                    within = ""
            elif letter in '"|':
                within = letter
            elif letter == ";":
                within = "\n"
            elif letter in "()":
                depth += 1 if letter == "(" else -1
                if depth == 0:
                    yield command.strip()
                    command = ""


def started(chosen):
    """A solver at its beginning, and the parser that feeds it."""
    solver = cvc5.Solver(cvc5.TermManager())
    for name, value in chosen:
        solver.setOption(name, value)
    parser = cvc5.InputParser(solver)
    parser.setIncrementalStringInput(cvc5.InputLanguage.SMT_LIB_2_6, "standard input")
    return solver, parser


def main():
    chosen = options(sys.argv[1:])
    solver, parser = started(chosen)
    for command in commands(sys.stdin):
        if command == "(exit)":
            break
        if command == "(reset)":
            solver, parser = started(chosen)
            continue
        try:
            parser.appendIncrementalStringInput(command + "\n")
            answer = parser.nextCommand().invoke(solver, parser.getSymbolManager())
        except RuntimeError as error:
            answer = '(error "%s")\n' % str(error).replace('"', '""').replace("\n", " ")
        sys.stdout.write(answer)
        sys.stdout.flush()


main()
