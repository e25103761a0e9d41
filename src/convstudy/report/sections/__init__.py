"""The topics of a report, one module each with its words, tables and charts.

A module has one ``SECTION``, a :class:`~convstudy.report.section.Topic`; :mod:`convstudy.report.report` finds them.
"""
