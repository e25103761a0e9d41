"""Tables with one row per image: CSV, TSV, JSON Lines and Parquet.

====================  ===============================================================
:mod:`.table`         a table as columns and rows, whatever its format
:mod:`.delimited`     reads CSV and TSV
:mod:`.json_lines`    reads JSON Lines
:mod:`.parquet`       reads Parquet, by pyarrow
:mod:`.columns`       chooses the columns of paths, labels, groups, parts, weights, times
:mod:`.cells`         the cells of one row
:mod:`.image_columns` the columns of Hugging Face image data
:mod:`.arrow_files`   reads columns and images from Parquet and Arrow files
====================  ===============================================================
"""
