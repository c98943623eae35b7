"""Tests of what needs no database: python3 -m unittest"""

import unittest
from pathlib import Path

import migrate
import pages
import tokens


class Tokens(unittest.TestCase):
    mark = "0123456789abcdef" * 2

    def test_a_token_is_for_one_visitor_one_key_and_some_hours(self):
        token = tokens.make(b"key", self.mark, 1000)
        self.assertTrue(tokens.check(b"key", self.mark, token, 1000 + tokens.LIFETIME))
        self.assertFalse(tokens.check(b"key", self.mark, token, 1001 + tokens.LIFETIME))
        self.assertFalse(tokens.check(b"key", self.mark, token, 999))
        self.assertFalse(tokens.check(b"key", "f" * 32, token, 1000))
        self.assertFalse(tokens.check(b"other", self.mark, token, 1000))
        self.assertFalse(tokens.check(b"key", self.mark, token.replace("1000", "1001"), 1001))

    def test_what_is_no_token_is_refused(self):
        for text in ("", ".", "1000.", "x." + "0" * 64, "1000." + "é" * 64):
            self.assertFalse(tokens.check(b"key", self.mark, text, 1000), text)


class Pages(unittest.TestCase):
    def test_a_draft_is_tidied_and_measured(self):
        for form, expected in (
            ({"text": ["hi"]}, (("Anonymous", "hi"), True)),
            ({"name": [" A  B "], "text": [" hi\r\nyou "]}, (("A B", "hi\nyou"), True)),
            ({"text": [" \n"]}, (("", ""), False)),
            ({"text": ["x" * 281]}, (("", "x" * 281), False)),
            ({"name": ["x" * 41], "text": ["hi"]}, (("x" * 41, "hi"), False)),
            ({"text": ["a\0b"]}, (("", "a\0b"), False)),
        ):
            draft, wrong = pages.read_draft(form)
            self.assertEqual((tuple(draft), wrong is None), expected)

    def test_words_of_visitors_are_escaped(self):
        item = type("Entry", (), {"name": "<b>", "text": "<script>\"'&", "seconds": 61})
        text = pages.entry(item)
        self.assertNotIn("<script>", text)
        self.assertIn("&lt;script&gt;&quot;&#x27;&amp;", text)
        self.assertIn("1 minute ago", text)

    def test_the_engine_is_named(self):
        self.assertEqual(pages.engine("11.8.6-MariaDB-0+deb13u1 from Debian"), "MariaDB 11.8.6")
        self.assertEqual(pages.engine("9.7.4-2"), "MySQL 9.7.4")


class Migrations(unittest.TestCase):
    def test_a_file_is_split_at_semicolons_that_end_a_line(self):
        text = "-- a; comment\nCREATE TABLE a (b INT);\nINSERT INTO a VALUES (';');\n"
        self.assertEqual(
            migrate.statements(text),
            ["CREATE TABLE a (b INT)", "INSERT INTO a VALUES (';')"],
        )
        self.assertEqual(migrate.statements("SELECT 1"), ["SELECT 1"])

    def test_only_new_files_are_pending(self):
        files = [Path("0002_b.sql"), Path("0001_a.sql")]
        self.assertEqual(migrate.pending(files, {"0001_a.sql"}), [Path("0002_b.sql")])


if __name__ == "__main__":
    unittest.main()
