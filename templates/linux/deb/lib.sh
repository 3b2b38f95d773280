# The package's own modules. Where an upgrade was rolled back they are the old version's, and may be missing: before they were files,
# every script carried its own.
lp_lib=${DPKG_ROOT:-}{{ packaged_root|sh }}/bin/lib
