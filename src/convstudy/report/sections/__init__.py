"""The sections of a report: one module per topic, with its text, tables and charts.

Each module defines ``SECTION``, a :class:`~convstudy.report.section.Topic`; :mod:`convstudy.report.report` collects
them.
"""
