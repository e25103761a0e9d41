"""The answer and the report of an analysis: text, HTML, CSV, Markdown, JSON and figures. Computes no statistics.

====================  ==========================================================================
``section``           the blocks that sections of a report consist of
``sections/``         one module per topic, with its texts, tables and charts
``report``            the sections of all topics, in order
``page``              the report as one HTML file that works offline
``markdown``          the report as Markdown
``document``          the report as one JSON document
``write``             the report as files
``table``             a table as data, and as CSV, Markdown and JSON
``figure``            a chart as data, with its title and alternative text
``theme``             the style of charts, on paper and on a page, light or dark
``data_page``         the page of ``convstudy data show``
``data_text``         what a dataset contains, as tables and sentences
``samples``           which images are shown
``thumbnails``        images, misclassified images and kernels as small PNG files
``conclusions``       the answer as text, each conclusion with its evidence
``short_answer``      the answer in one short line per question, for the terminal
``ranking_summary``   several verdicts in one sentence
``training_set_text``  the training sets that a verdict holds for
``verdict_text``      a verdict within a sentence: its label, its difference
``sample_size_text``  the required sample size of a verdict
``verdict_notes``     a verdict as a full sentence, with its sources of uncertainty
``interaction_text``  the interaction of two variants
``added_seeds_text``  seeds that are added until validation scores decide each pair
``optimism_text``     the selection bias of a winner's score
``questions_text``    tests of a comparison that are repeated, other questions, the bound of false claims
``failure_text``      failed fits
``claim_text``        the claim that a p-value tests, for tables
``collapse_text``     collapsed seeds, and the verdicts among seeds that trained
``count_text``        the verdict on two models from their numbers of correct predictions
``group_count_text``  the same, for images in groups
``group_text``        the effective number of images in groups
``metric_text``       values and differences of a metric
``error_ratios``      the ratio of the errors of two candidates, as text and as a table
``balance_text``      balanced accuracy next to accuracy
``stages``            titles and score charts, shared by the sections of stages
``scores``            the table of scores of a comparison, an ablation, a final training
``ranking``           chart of candidates, ranked by score, with intervals
``effects``           charts of differences with intervals
``curves``            charts over epochs
``class_charts``      charts by class
``toml``              the study as the text of a study file
``bundle``            the chart library inside the page
``files``             atomic writing of a file
====================  ==========================================================================
"""

from convstudy.report.conclusions import answer
from convstudy.report.count_text import counts_answer
from convstudy.report.group_count_text import groups_answer
from convstudy.report.short_answer import short_answer
from convstudy.report.write import FORMATS, write_report

__all__ = ["FORMATS", "answer", "counts_answer", "groups_answer", "short_answer", "write_report"]
