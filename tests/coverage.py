#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Usage: coverage.py [--files] PROFILES PROGRAM...

Says how much of each folder the programs ran, by the profiles that they left in
a folder, and fails when one is under its bound. The last line counts the bounds.

A branch is one way out of one condition of the source: both ways of a condition
(each operand of && and || is one), or a label of a switch. The way past a
switch over an enum that names every value is none. A line counts when something
is written on it beside braces and comments. Functions in headers are compiled
many times; they count once, as the sum.
"""

import collections
import json
import os
import re
import subprocess
import sys

FOLDERS = ('base', 'hpack', 'codec', 'h2', 'tls', 'loop', 'core')
BOUNDS = {'hpack': (99.0, 95.0), 'h2': (99.0, 95.0)}  # lines, branches
EXPANSION = 1  # of a macro; a kind of region

Branch = collections.namedtuple('Branch', 'file line text')


class File:
    def __init__(self):
        self.lines = {}     # number: how often it ran
        self.branches = {}  # (place, way): [Branch, how often it was taken]


def read_text(name, cache={}):
    if name not in cache:
        with open(name, encoding='utf-8') as text:
            cache[name] = text.read().split('\n')
    return cache[name]


def text_at(name, start_line, start, end_line, end):
    lines = read_text(name)[start_line - 1:end_line]
    lines[-1] = lines[-1][:end - 1]
    lines[0] = lines[0][start - 1:]
    return ' '.join(' '.join(lines).split())


def text_before(name, line, column):
    lines = read_text(name)[max(line - 3, 0):line]
    lines[-1] = lines[-1][:column - 1]
    return ' '.join(' '.join(lines).split())


def relative(name):
    return os.path.relpath(name).replace(os.sep, '/')


def ways(function, branch):
    """The ways out of one region: name and count; none if it is no condition."""
    name = function['filenames'][branch[6]]
    text = text_at(name, *branch[:4])
    if re.match(r'(case\b|default\b)', text):
        return [('taken', branch[4])]
    if text_before(name, *branch[:2]).endswith('switch ('):
        return []
    if text.startswith('__builtin_expect('):
        # The whole of LIKELY(a && b), beside its operands.
        inside = [other for other in function['branches']
                  if other[6] == branch[6] and other is not branch]
        if inside:
            return []
    return [('true', branch[4]), ('false', branch[5])]


def places(function):
    """For each file id: the macro uses that lead to it, outermost first."""
    parents = {}
    for region in function['regions']:
        if region[7] == EXPANSION:
            parents[region[6]] = (region[5], region[0], region[1])
    chains = {}
    for number in range(len(function['filenames'])):
        chain = []
        at = number
        while at in parents:
            at, line, column = parents[at]
            chain.insert(0, (function['filenames'][at], line, column))
        chains[number] = tuple(chain)
    return chains


def add_function(files, function):
    chains = places(function)
    seen = collections.Counter()
    for branch in function['branches']:
        name = function['filenames'][branch[6]]
        chain = chains[branch[6]]
        place = chain + ((name,) + tuple(branch[:4]),)
        seen[place] += 1  # two operands may be one argument of a macro
        outer = chain[0] if chain else place[0]
        file = files[relative(outer[0])]
        if chain:
            line = read_text(outer[0])[outer[1] - 1]
            text = ' '.join(line.split())
        else:
            text = text_at(name, *branch[:4])
        for way, count in ways(function, branch):
            known = file.branches.setdefault(
                (place, seen[place], way),
                [Branch(relative(outer[0]), outer[1], text), 0])
            known[1] += count


def add_lines(files, lcov):
    name = None
    for line in lcov:
        if line.startswith('SF:'):
            name = line[3:].strip()
        elif line.startswith('DA:'):
            number, count = line[3:].split(',')[:2]
            text = read_text(name)[int(number) - 1].split('//')[0]
            if re.search(r'[A-Za-z0-9;]', text):
                files[relative(name)].lines[int(number)] = int(count)


def ranges(numbers):
    """Text such as 3, 7-9."""
    spans = []
    for number in sorted(numbers):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ', '.join(str(a) if a == b else '%d-%d' % (a, b) for a, b in spans)


def share(counts):
    return 100.0 * sum(1 for n in counts if n > 0) / max(len(counts), 1)


def row(name, files):
    lines = [n for file in files for n in file.lines.values()]
    branches = [n for file in files for _, n in file.branches.values()]
    figures = (share(lines), share(branches))
    cells = []
    for counts, figure in ((lines, figures[0]), (branches, figures[1])):
        done = sum(1 for n in counts if n > 0)
        # Rounded down: 95.0 is never a little less.
        cells.append('%5d of %5d  %5.1f %%' %
                     (done, len(counts), int(figure * 10) / 10)
                     if counts else ' ' * 23)
    print('%-24s %s   %s' % (name, cells[0], cells[1]))
    return figures


def print_missing(name, file):
    missed = [number for number, n in file.lines.items() if n == 0]
    if missed:
        print('%s: not run: %s' % (name, ranges(missed)))
    lines = set()
    for (_, _, way), (branch, n) in sorted(
            file.branches.items(), key=lambda item: item[1][0].line):
        if n == 0:
            lines.add('%s:%d: never %s: %s' %
                      (branch.file, branch.line, way, branch.text[:60]))
    for line in sorted(lines, key=lambda line: int(line.split(':')[1])):
        print(line)


def export(form, merged, programs):
    command = ['llvm-cov', 'export', '-format=' + form,
               '-instr-profile=' + merged, programs[0]]
    for program in programs[1:]:
        command += ['-object', program]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          universal_newlines=True).stdout


def read_files(profiles, programs):
    merged = os.path.join(profiles, 'all.profdata')
    raw = [os.path.join(profiles, name) for name in os.listdir(profiles)
           if name.endswith('.profraw')]
    subprocess.run(['llvm-profdata', 'merge', '-sparse', '-o', merged] + raw,
                   check=True)
    files = collections.defaultdict(File)
    data = json.loads(export('text', merged, programs))['data'][0]
    for function in data['functions']:
        if relative(function['filenames'][0]).split('/')[0] in FOLDERS:
            add_function(files, function)
    add_lines(files, export('lcov', merged, programs).split('\n'))
    return files


def main():
    arguments = sys.argv[1:]
    every_file = arguments[:1] == ['--files']
    profiles, *programs = arguments[1 if every_file else 0:]
    files = read_files(profiles, programs)
    passed = failed = 0
    print('%-24s %23s   %23s' % ('', 'lines that ran', 'branches taken'))
    for folder in FOLDERS:
        names = sorted(n for n in files if n.startswith(folder + '/'))
        figures = row(folder, [files[name] for name in names])
        under = [f < bound for f, bound in zip(figures, BOUNDS.get(folder, ()))]
        passed += under.count(False)
        failed += under.count(True)
        if every_file or any(under):
            for name in names:
                row('  ' + name, [files[name]])
            for name in names:
                print_missing(name, files[name])
        if any(under):
            print('%s is under its bound: %g %% of lines, %g %% of branches' %
                  ((folder,) + BOUNDS[folder]))
    print('%d passed, %d failed' % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == '__main__':
    sys.exit(main())
