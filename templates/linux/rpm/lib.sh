# The package's own modules. Where an upgrade was rolled back they are the old version's, and may be missing: before they were files,
# every scriptlet carried its own.
lp_lib=${RPM_INSTALL_PREFIX:-{{ packaged_root|sh }}}/bin/lib
