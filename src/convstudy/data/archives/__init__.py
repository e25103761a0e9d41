"""Archives of class folders, read in place: nothing is unpacked into the user's folders.

=====================  ==============================================================
:mod:`.members`        the files in an archive, as offsets, and the checks of their names
:mod:`.zip_members`    lists and reads the files of a zip archive
:mod:`.tar_members`    lists the files of a tar archive, which are stored without change
:mod:`.tar_copy`       an uncompressed copy of a compressed tar archive, in the cache
=====================  ==============================================================
"""
