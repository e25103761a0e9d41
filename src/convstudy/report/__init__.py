"""An analysis to an answer in words, and to a report: HTML, CSV, Markdown, JSON and figures; computes no statistic.

=====================  ==========================================================================
``section``            what a report is made of: sections of blocks
``sections/``          one module for each topic, with its words, tables and charts
``report``             the sections of all topics, in order
``page``               the report as one HTML file that works offline
``markdown``           the report as Markdown
``document``           the report as one JSON document
``write``              the report as files
``table``              a table as data, and as CSV, Markdown and JSON
``figure``             a chart as data, with its words
``theme``              how charts look, on paper and on a page, light or dark
``thumbnails``           images, mistakes and kernels as small PNG files
``conclusions``        the answer in words, each sentence with its evidence
``short_answer``       the answer in one short line per question, for the terminal
``ranking_summary``          several verdicts in one sentence
``verdict_words``      a verdict within a sentence: figures, and what it takes to say more
``verdict_notes``      verdicts in full, for those who want to know more
``interaction_words``  what two variants do together, in words
``optimism_words``     what being chosen by a score does to that score, in words
``failure_words``      what failed fits mean for an answer, in words
``count_words``        the calculator's verdict on counts in words
``stages``             what the sections of stages share: titles, scores
``scores``             the table of scores of a comparison, an ablation, a final training
``ranking``            candidates ranked with intervals: the picture of an answer
``effects``            differences with intervals
``curves``             charts over epochs
``class_charts``       charts by class
``numbers``            how figures are written
``toml``               the study as the text of a study file
``bundle``             the chart library that the page carries
``files``              writing a file in one step
=====================  ==========================================================================
"""

from convstudy.report.conclusions import answer
from convstudy.report.count_text import counts_answer
from convstudy.report.short_answer import short_answer
from convstudy.report.write import FORMATS, write_report

__all__ = ["FORMATS", "answer", "counts_answer", "short_answer", "write_report"]
