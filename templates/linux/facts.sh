{% include "names.sh" %}
# The facts of this package.
LP_TITLE={{ title|sh }}
LP_EXECUTABLE={{ command|first|replace("@LP_ROOT@/", "")|sh }}
LP_PACKAGED_ROOT={{ packaged_root|sh }}
LP_SITE_FILE={{ site_file|sh }}
LP_ARCH={{ arch|sh }}
LP_NEEDED_KB={{ needed_kb }} LP_NEEDED_NAMES={{ needed_names }}
LP_REQUIRED={{ required_names|sh }}
LP_TOOLS={{ tools|sh }}
{% if channel == "run" %}
LP_LIBRARIES={{ libraries|sh }}
LP_LIBRARY_FOLDERS={{ library_folders|sh }}
LP_PROGRAMS={{ programs|sh }}
{% endif %}
# The settings, from the table in installers/contract/src/settings.rs: which there are, and of each its rule and the value built in.
LP_SETTINGS='{{ settings.all }}'
LP_SETTINGS_KEPT='{{ settings.remembered }}'
LP_SETTINGS_ONE_RUN='{{ settings.one_run }}'
LP_SETTABLE='{{ settings.settable }}'
{% for setting in settings.rows %}
LP_S_{{ setting.name }}={{ setting.value|sh }}
{% endfor %}
{% for setting in settings.rows %}LP_R_{{ setting.name }}={{ setting.rule }} lp_v_{{ setting.name }}='' lp_f_{{ setting.name }}='' {% endfor %}

