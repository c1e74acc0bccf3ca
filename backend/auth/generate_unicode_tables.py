#!/usr/bin/env python3
"""Writes unicode_tables.inc: normalisation data and the character classes of RFC 3454.

    backend/auth/generate_unicode_tables.py > backend/auth/unicode_tables.inc
"""

import stringprep
import sys
import unicodedata

LAST = 0x110000
HANGUL = range(0xAC00, 0xD7A4)


def ranges(contains):
    """Pairs (first, last) of the code points for which contains(character) holds."""
    found = []
    for code in range(LAST):
        if not contains(chr(code)):
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def decomposition(code):
    """One step: (is it canonical, code points)."""
    words = unicodedata.decomposition(chr(code)).split()
    canonical = bool(words) and not words[0].startswith("<")
    return canonical, [int(word, 16) for word in words if not word.startswith("<")]


def full_decomposition(code):
    parts = decomposition(code)[1]
    if not parts:
        return [code]
    return [deep for part in parts for deep in full_decomposition(part)]


def compositions():
    """(first, second, composed) of every primary composite."""
    found = []
    for code in range(LAST):
        canonical, parts = decomposition(code)
        if code in HANGUL or not canonical or len(parts) != 2:
            continue
        if unicodedata.normalize("NFC", chr(code)) == chr(code):
            found.append((parts[0], parts[1], code))
    return sorted(found)


def print_rows(name, kind, rows, width=6):
    print(f"constexpr {kind} {name}[] = {{")
    for start in range(0, len(rows), width):
        print("    " + " ".join("{" + ", ".join(row) + "}," for row in rows[start : start + width]))
    print("};\n")


def print_ranges(name, contains):
    print_rows(name, "Range", [[f"0x{a:X}", f"0x{b:X}"] for a, b in ranges(contains)])


def print_normalisation():
    pool = []
    rows = []
    for code in range(LAST):
        parts = full_decomposition(code)
        if code in HANGUL or parts == [code]:
            continue
        rows.append([f"0x{code:X}", str(len(pool)), str(len(parts))])
        pool.extend(parts)
    print_rows("decompositions", "Decomposition", rows)
    print("constexpr char32_t decomposition_pool[] = {")
    for start in range(0, len(pool), 11):
        print("    " + " ".join(f"0x{code:X}," for code in pool[start : start + 11]))
    print("};\n")
    print_rows(
        "compositions",
        "Composition",
        [[f"0x{code:X}" for code in row] for row in compositions()],
        4,
    )
    classes = [(c, unicodedata.combining(chr(c))) for c in range(LAST) if unicodedata.combining(chr(c))]
    print_rows("combining_classes", "CombiningClass", [[f"0x{c:X}", str(k)] for c, k in classes], 7)


def prohibited(character):
    return (
        stringprep.in_table_c12(character)
        or stringprep.in_table_c21_c22(character)
        or stringprep.in_table_c3(character)
        or stringprep.in_table_c4(character)
        or stringprep.in_table_c5(character)
        or stringprep.in_table_c6(character)
        or stringprep.in_table_c7(character)
        or stringprep.in_table_c8(character)
        or stringprep.in_table_c9(character)
    )


def main():
    print("// Made by generate_unicode_tables.py from Unicode", unicodedata.unidata_version + ".")
    print("// clang-format off\n")
    print_normalisation()
    print_ranges("non_ascii_spaces", stringprep.in_table_c12)
    print_ranges("mapped_to_nothing", stringprep.in_table_b1)
    print_ranges("prohibited", prohibited)
    print_ranges("unassigned", stringprep.in_table_a1)
    print_ranges("right_to_left", stringprep.in_table_d1)
    print_ranges("left_to_right", stringprep.in_table_d2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
