# The facts of this package.
LP_PRODUCT={{ product|sh }}
LP_PACKAGE={{ package|sh }}
LP_TITLE={{ title|sh }}
LP_VERSION={{ version|sh }}
LP_CHANNEL={{ channel|sh }}
LP_SERVICE={{ service|sh }}
LP_EXECUTABLE={{ command|first|replace("@LP_ROOT@/", "")|sh }}
LP_PACKAGED_ROOT={{ packaged_root|sh }}
LP_ARCH={{ arch|sh }}
LP_NEEDED_KB={{ needed_kb }}
LP_CONTAINERS={{ container_names|sh }}
LP_REQUIRED={{ required_names|sh }}
LP_TOOLS={{ tools|sh }}
{% if channel == "run" %}
LP_LIBRARIES={{ libraries|sh }}
LP_FOLDERS={{ library_folders|sh }}
LP_PROGRAMS={{ programs|sh }}
{% endif %}
{% for key, value in settings %}
LP_S_{{ key }}={{ value|sh }}
{% endfor %}
