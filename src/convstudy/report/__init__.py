"""Verdicts and records to tables, charts, words and one HTML page; computes no statistic of its own.

==================  ==========================================================================
``words``           the conclusions in words, each with its evidence
``numbers``         how figures are written
``table``           a table as data, and as CSV, Markdown and JSON
``tables``          the tables of a run
``charts``          the charts of a run
``theme``           how charts look, on paper and on a page, light or dark
``pictures``        images, mistakes and kernels as small PNG files
``contents``        everything that a report says, gathered once
``page``            the contents as one HTML file that works offline
``bundle``          the chart library that the page carries
``write``           the contents as files
==================  ==========================================================================
"""

from convstudy.report.words import answer
from convstudy.report.write import FORMATS, write_report

__all__ = ["FORMATS", "answer", "write_report"]
