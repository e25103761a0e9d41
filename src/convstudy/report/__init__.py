"""Verdicts and records to tables, charts, words and one HTML page; computes no statistic of its own.

=====================  ==========================================================================
``words``              the conclusions in words, each with its evidence
``standings``          several verdicts in one sentence
``verdict_words``      a verdict within a sentence: figures, and what it takes to say more
``verdict_notes``      verdicts in full, for those who want to know more
``count_words``        the calculator's verdict on counts in words
``numbers``            how figures are written
``table``              a table as data, and as CSV, Markdown and JSON
``tables``             the tables of scores
``verdict_tables``     the tables of verdicts
``interactions``       what two variants of an ablation do together: words and table
``background_tables``  data, layers, protocol, checks, environment, failures
``figure``             a chart with its words, and what all charts share
``curve_charts``       charts over epochs
``score_charts``       charts of scores
``search_charts``      charts of searches that halve or draw
``verdict_charts``     charts of verdicts: effects, differences, ranking
``class_charts``       charts by class
``theme``              how charts look, on paper and on a page, light or dark
``pictures``           images, mistakes and kernels as small PNG files
``beside``             what is drawn from files beside the records
``contents``           everything that a report says, gathered once
``document``           the contents as one JSON document
``reproduce``          the study as the text of a study file
``page``               the contents as one HTML file that works offline
``bundle``             the chart library that the page carries
``files``              writing a file in one step
``write``              the contents as files
=====================  ==========================================================================
"""

from convstudy.report.count_words import counts_answer
from convstudy.report.words import answer
from convstudy.report.write import FORMATS, write_report

__all__ = ["FORMATS", "answer", "counts_answer", "write_report"]
