{#- The agent, from a .run of this kit. Put the folder agent of channels/salt into file_roots, the .run beside this file, and say in the pillar:
    agent: {package: FILE.run, settings: {SERVER_URL: "https://core.example:443"}}   (without package: the last one of facts.json) #}
{%- import_json "agent/facts.json" as facts %}
{%- set given = salt['pillar.get']('agent', {}) %}
{%- set wanted = given.get('package', facts.packages[-1].file) %}
{%- set package = (facts.packages | selectattr('file', 'equalto', wanted) | list | first) %}
{%- set settings = given.get('settings', {}) %}
{%- set lines = [] %}
{%- for setting in facts.settings if setting.name in settings %}
{%- do lines.append(setting.name ~ '=' ~ settings[setting.name]) %}
{%- endfor %}

agent-settings:
  file.managed:
    - name: @ETC@/install.conf
    - makedirs: True
    - dir_mode: '0755'
    - user: root
    - group: root
    - mode: '0600'
    - contents: {{ (lines | join('\n') ~ '\n') | json }}

agent-package:
  file.managed:
    - name: /var/cache/agent.run
    - source: {{ ('salt://agent/' ~ package.file) | json }}
    - source_hash: {{ package.sha256 }}
    - user: root
    - mode: '0600'

# Busy hosts (16) are tried again. Salt's pauses do not grow.
agent-installed:
  cmd.run:
    - name: sh /var/cache/agent.run --if-needed --quiet
    - unless: {{ ("grep -qxF 'version=" ~ package.version ~ "' @LIB@/state") | json }}
    - timeout: {{ facts.timeouts.install }}
    - retry:
        attempts: 6
        until: True
        interval: {{ [facts.retry.first | int, 1] | max * 5 }}
        splay: 3
    - require:
      - file: agent-settings
      - file: agent-package

# Settings that changed since are taken up by the same version.
agent-settings-taken:
  cmd.run:
    - name: sh /var/cache/agent.run --quiet
    - timeout: {{ facts.timeouts.install }}
    - onchanges:
      - file: agent-settings
    - require:
      - cmd: agent-installed
