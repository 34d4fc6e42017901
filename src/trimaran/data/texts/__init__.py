"""Texts as rows: sentences, reviews, questions, each with a label or a number."""
