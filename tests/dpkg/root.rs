//! The install root: answer file, debconf, sites.
use super::*;

const SPACED: &str = "/opt/my agents/x";

#[test]
fn a_root_with_spaces_from_the_answer_file_works_on_systemd_and_sysv() {
    let scratch = Scratch::debian();
    let (deb, newer) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    scratch.write("/etc/intigua/install.conf", format!("INSTALL_ROOT={SPACED}\n"));
    scratch.sh("echo 'intigua-sample intigua-sample/install_root string /opt/debconf' | debconf-set-selections").ok();
    let machine = scratch.live_sysv();
    install(&machine, &deb).ok();
    assert_eq!(machine.read("/etc/intigua/location.conf"), format!("{SPACED}\n"));
    assert!(!machine.exists("/opt/debconf"), "the answer file beats debconf");
    everything_runs(&machine, SPACED);
    assert!(machine.read(&format!("{SPACED}/components/tracer/seen")).contains("hostname=tracer.virtual"));
    machine.cut_power();

    let machine = scratch.boot();
    let identity = everything_runs(&machine, SPACED)["core_id"].clone();
    machine.sh("rm /etc/intigua/install.conf").ok();
    install(&machine, &newer).ok();
    assert_eq!(machine.read("/etc/intigua/location.conf"), format!("{SPACED}\n"), "an upgrade keeps the root");
    assert_eq!(everything_runs(&machine, SPACED)["core_id"], identity);
    assert!(machine.read(&format!("{SPACED}/components/tracer/seen")).contains("hostname=tracer.virtual"));

    machine.write("/etc/intigua/install.conf", "INSTALL_ROOT=/opt/elsewhere\n");
    install(&machine, &newer)
        .fails()
        .says(&format!("installed in {SPACED}, but /etc/intigua/install.conf asks for /opt/elsewhere"));
    assert_eq!(outcome(&machine), is("refused", 17, "1.1.0"));
    assert!(!machine.exists("/opt/elsewhere"));
    everything_runs(&machine, SPACED);
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    let left =
        "find / -xdev ! -path '/p*' \\( -path '/opt/*' -o -path '*intigua*' -o -name '*vlink*' \\) ! -path '/var/lib/dpkg/*'";
    assert_eq!(machine.sh(left).ok().line(), "");
}

#[test]
fn a_root_from_debconf_is_used_and_kept() {
    let scratch = Scratch::debian();
    let (deb, newer) = (put(&scratch, &Product::sample("1.0.0")), put(&scratch, &Product::sample("1.1.0")));
    let before = listing(&scratch);
    let answers = "intigua-sample intigua-sample/install_root string /opt/debconf\nintigua-sample intigua-sample/server_url string https://seeded.example.com\n";
    scratch.cmd("debconf-set-selections").stdin(answers).run().ok();
    let machine = scratch.live_sysv();
    install(&machine, &deb).ok();
    assert_eq!(machine.read("/etc/intigua/location.conf"), "/opt/debconf\n");
    assert!(machine.read("/opt/debconf/components/csclient.cfg").contains("serverUrl: \"https://seeded.example.com"));
    everything_runs(&machine, "/opt/debconf");
    machine.sh("dpkg -V intigua-sample").ok();
    machine.cmd("debconf-set-selections").stdin("intigua-sample intigua-sample/install_root string /opt/other\n").run().ok();
    install(&machine, &newer).ok();
    assert_eq!(machine.read("/etc/intigua/location.conf"), "/opt/debconf\n");
    everything_runs(&machine, "/opt/debconf");
    assert_eq!(
        machine.sh("debconf-get-selections | grep install_root").ok().line().split_whitespace().last(),
        Some("/opt/debconf")
    );
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    assert!(!machine.exists("/opt/debconf") && !machine.exists(ROOT));
    same(&before, &listing(&machine));
}

#[test]
fn a_sites_package_has_its_own_root_and_gives_its_identity_to_the_plain_one() {
    let scratch = Scratch::debian();
    let product = Product::sample("1.0.0");
    let (deb, site) = (put(&scratch, &product), put_file(&scratch, &product.build_site("deb")));
    let before = listing(&scratch);
    let machine = scratch.live_sysv();
    install(&machine, &site).ok();
    let root = "/opt/customer/intigua";
    assert_eq!(machine.read("/etc/intigua/location.conf"), format!("{root}\n"));
    let status = everything_runs(&machine, root);
    assert_eq!(status["product"], "intigua-sample-example");
    let config = machine.read(&format!("{root}/components/csclient.cfg"));
    assert!(config.contains("serverUrl: \"https://core.customer.example:443\""), "{config}");
    assert!(!machine.exists(ROOT));
    // The site's package lies elsewhere: dpkg, which removes it last, would take the plain one's files by their other names.
    install(&machine, &deb).fails().says("intigua-sample-example conflicts with intigua-sample");
    assert_eq!(everything_runs(&machine, root)["core_id"], status["core_id"]);
    machine.cmd("dpkg").args(["--remove", "intigua-sample-example"]).run().ok();
    install(&machine, &deb).ok();
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], status["core_id"], "what was kept has moved");
    machine.cmd("dpkg").args(["--purge", "intigua-sample-example"]).run().ok();
    assert_eq!(everything_runs(&machine, ROOT)["core_id"], status["core_id"]);
    assert!(!machine.exists("/opt/customer"));
    machine.cmd("dpkg").args(["--purge", NAME]).run().ok();
    same(&before, &listing(&machine));
}
