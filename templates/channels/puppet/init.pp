# The agent, from a .run of this kit. The module is the folder agent of channels/puppet; put the .run into its folder files.
#
# @summary Installs and upgrades the agent
# @param settings values of install.conf
# @param version what is to be installed
# @param source where the package comes from
# @param sha256 its digest
class agent (
  Hash[Enum[@NAMES@], String] $settings = {},
  String $version = @VERSION@,
  String $file = @FILE@,
  String $source = "puppet:///modules/agent/${file}",
  String $sha256 = @SHA256@,
) {
  $lines = $settings.map |$key, $value| { "${key}=${value}\n" }

  file { '@ETC@':
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }
  file { '@ETC@/install.conf':
    ensure    => file,
    owner     => 'root',
    group     => 'root',
    mode      => '0600',
    show_diff => false,
    content   => $lines.join,
  }
  file { '/var/cache/agent.run':
    ensure         => file,
    owner          => 'root',
    mode           => '0600',
    source         => $source,
    checksum       => 'sha256',
    checksum_value => $sha256,
  }
  # Busy hosts (16) are tried again. Puppet's pauses do not grow.
  exec { 'agent':
    command   => ['/bin/sh', '/var/cache/agent.run', '--if-needed', '--quiet'],
    unless    => [['/bin/grep', '-qxF', "version=${version}", '@LIB@/state']],
    timeout   => @SECONDS@,
    tries     => 6,
    try_sleep => 10,
    require   => File['@ETC@/install.conf', '/var/cache/agent.run'],
  }
  # Settings that changed since are taken up by the same version.
  exec { 'agent settings':
    command     => ['/bin/sh', '/var/cache/agent.run', '--quiet'],
    refreshonly => true,
    timeout     => @SECONDS@,
    subscribe   => File['@ETC@/install.conf'],
    require     => Exec['agent'],
  }
}
