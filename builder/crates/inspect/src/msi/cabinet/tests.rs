use super::*;
use std::collections::HashMap;
use std::io::Cursor;

/// Cabinets in memory.
struct Memory(HashMap<String, Vec<u8>>);

impl Shelf for Memory {
    type Input = Cursor<Vec<u8>>;

    fn open(&mut self, name: &str) -> Result<Option<Self::Input>> {
        Ok(self.0.get(name).cloned().map(Cursor::new))
    }
}

/// How many plain bytes a block says it has, and its packed ones.
type Block<'a> = (usize, &'a [u8]);

/// What a cabinet is made of.
#[derive(Default, Clone)]
struct Made<'a> {
    previous: Option<&'a str>,
    next: Option<&'a str>,
    /// Bytes reserved in the header, in each folder and in each block.
    reserve: Option<(u16, u8, u8)>,
    /// Method, and blocks.
    folders: Vec<(u16, Vec<Block<'a>>)>,
    /// Name, size, offset and folder.
    members: Vec<(&'a str, usize, usize, u16)>,
}

impl Made<'_> {
    fn bytes(&self) -> Vec<u8> {
        let short = |number: usize| (number as u16).to_le_bytes();
        let long = |number: usize| (number as u32).to_le_bytes();
        let (in_header, in_folder, in_block) = self.reserve.unwrap_or_default();
        let flags =
            u16::from(self.previous.is_some()) | u16::from(self.next.is_some()) << 1 | u16::from(self.reserve.is_some()) << 2;
        let mut front = Vec::new();
        if self.reserve.is_some() {
            front.extend([&short(usize::from(in_header))[..], &[in_folder, in_block], &vec![1; usize::from(in_header)]].concat());
        }
        for name in [self.previous, self.next].into_iter().flatten() {
            front.extend([name.as_bytes(), b"\0disk\0"].concat());
        }
        let files_at = 36 + front.len() + (8 + usize::from(in_folder)) * self.folders.len();
        let files_len: usize = self.members.iter().map(|(name, ..)| 16 + name.len() + 1).sum();
        let (mut folders, mut blocks) = (Vec::new(), Vec::new());
        for (packing, packed) in &self.folders {
            folders
                .extend([&long(files_at + files_len + blocks.len())[..], &short(packed.len()), &packing.to_le_bytes()].concat());
            folders.extend(vec![2; usize::from(in_folder)]);
            for (plain_len, bytes) in packed {
                blocks.extend(
                    [&long(0)[..], &short(bytes.len()), &short(*plain_len), &vec![3; usize::from(in_block)], bytes].concat(),
                );
            }
        }
        let mut all = b"MSCF\0\0\0\0".to_vec();
        all.extend([long(files_at + files_len + blocks.len()), long(0), long(files_at), long(0)].concat());
        all.extend(
            [&[3, 1][..], &short(self.folders.len()), &short(self.members.len()), &flags.to_le_bytes(), &short(7), &short(0)]
                .concat(),
        );
        all.extend([front, folders].concat());
        for (name, size, offset, folder) in &self.members {
            all.extend([&long(*size)[..], &long(*offset), &folder.to_le_bytes(), &[0; 6], name.as_bytes(), &[0]].concat());
        }
        all.extend(blocks);
        all
    }
}

fn read_all(cabinets: &[(&str, Made)]) -> BTreeMap<String, Cabinet> {
    let names = cabinets.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut shelf = Memory(cabinets.iter().map(|(name, made)| ((*name).to_owned(), made.bytes())).collect());
    read(&names, &mut shelf, &mut Budget::new(1)).unwrap()
}

fn one(made: &Made) -> Cabinet {
    read_all(&[("#one.cab", made.clone())]).remove("#one.cab").unwrap()
}

/// The cabinets' members, each of which holds so many bytes of its own letter.
fn contents(cabinet: &Cabinet) -> Vec<&str> {
    let Cabinet::Read(members) = cabinet else { panic!("{cabinet:?}") };
    for member in members {
        let letter = member.name.as_bytes()[0];
        let expected: [u8; 16] = md5::Digest::finalize(md5::Digest::chain_update(
            <md5::Md5 as md5::Digest>::new(),
            vec![letter; member.size as usize],
        ))
        .into();
        assert_eq!(member.content.as_ref().map(|seen| seen.md5), Some(expected), "{}", member.name);
    }
    members.iter().map(|member| member.name.as_str()).collect()
}

fn plain(flags: (Option<&'static str>, Option<&'static str>), folders: usize, folder: u16) -> Made<'static> {
    Made {
        previous: flags.0,
        next: flags.1,
        folders: vec![(0, vec![(7, &b"mmmmmmm"[..])]); folders],
        members: vec![("m", 7, 0, folder)],
        ..Made::default()
    }
}

#[test]
fn a_cabinet_that_names_neighbours_and_shares_nothing_with_them_is_read() {
    for neighbours in [(None, None), (None, Some("next.cab")), (Some("first.cab"), None), (Some("a"), Some("b"))] {
        assert_eq!(contents(&one(&plain(neighbours, 1, 0))), ["m"]);
    }
}

#[test]
fn a_member_of_no_folder_is_damage() {
    for (folders, folder, says) in [(0, 0, "has 0 folders"), (1, 1, "has 1 folders"), (1, 0xFFFE, "it names none")] {
        let Cabinet::Damaged(why) = one(&plain((None, None), folders, folder)) else { panic!("{folder}") };
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn reserved_bytes_are_passed_over() {
    let made = Made { reserve: Some((100, 50, 10)), ..plain((None, Some("next.cab")), 2, 1) };
    assert_eq!(contents(&one(&made)), ["m"]);
}

#[test]
fn members_that_share_their_bytes_are_each_read() {
    let made = Made {
        folders: vec![(0, vec![(5, b"aaabb")])],
        members: vec![("a", 3, 0, 0), ("a2", 3, 0, 0), ("b", 2, 3, 0), ("a3", 3, 0, 0), ("z", 0, 3, 0)],
        ..Made::default()
    };
    assert_eq!(contents(&one(&made)), ["a", "a2", "b", "a3", "z"]);
}

/// A folder over three cabinets: a block is cut, and a member begins in the first cabinet and ends in the last.
fn set() -> [(&'static str, Made<'static>); 3] {
    [
        (
            "#One.cab",
            Made {
                next: Some("two.cab"),
                folders: vec![(0, vec![(2, b"xx")]), (0, vec![(4, b"aabb"), (0, b"b")])],
                members: vec![("x", 2, 0, 0), ("a", 2, 0, 1), ("b", 9, 2, 0xFFFE)],
                ..Made::default()
            },
        ),
        (
            "two.cab",
            Made {
                previous: Some("one.cab"),
                next: Some("three.cab"),
                folders: vec![(0, vec![(4, b"bbb"), (0, b"b")])],
                members: vec![("b", 9, 2, 0xFFFF)],
                ..Made::default()
            },
        ),
        (
            "three.cab",
            Made {
                previous: Some("two.cab"),
                folders: vec![(0, vec![(5, b"bbcc")]), (0, vec![(1, b"y")])],
                members: vec![("b", 9, 2, 0xFFFD), ("c", 2, 11, 0), ("y", 1, 0, 1)],
                ..Made::default()
            },
        ),
    ]
}

#[test]
fn a_folder_is_read_over_all_cabinets_of_its_set() {
    let read = read_all(&set());
    assert_eq!(contents(&read["#One.cab"]), ["x", "a", "b"]);
    assert!(contents(&read["two.cab"]).is_empty());
    assert_eq!(contents(&read["three.cab"]), ["c", "y"]);
}

#[test]
fn a_set_with_a_hole_says_so() {
    for (missing, cabinet, says) in
        [(0, "two.cab", "begins in one.cab"), (1, "#One.cab", "goes on in two.cab"), (2, "two.cab", "goes on in three.cab")]
    {
        let mut cabinets = set().to_vec();
        cabinets.remove(missing);
        let read = read_all(&cabinets);
        let Cabinet::Listed(members, why) = &read[cabinet] else { panic!("{:?}", read[cabinet]) };
        assert!(
            why.contains(says) && why.contains("is not there") && members.iter().any(|member| member.content.is_none()),
            "{why}"
        );
    }
}

#[test]
fn a_set_that_contradicts_itself_is_damaged() {
    let mut cabinets = set().to_vec();
    cabinets[1].1.members = vec![("other", 9, 2, 0xFFFF)];
    let Cabinet::Damaged(why) = &read_all(&cabinets)["#One.cab"] else { panic!("a stranger is accepted") };
    assert!(why.contains("member other"), "{why}");
    let mut cabinets = set().to_vec();
    cabinets[2].1.folders[0].0 = 1;
    assert!(matches!(&read_all(&cabinets)["two.cab"], Cabinet::Damaged(why) if why.contains("in another way")));
    let mut cabinets = set().to_vec();
    cabinets[2].1.folders[0].1 = vec![];
    assert!(matches!(&read_all(&cabinets)["two.cab"], Cabinet::Damaged(why) if why.contains("no more of it")));
    // Each names the other as its next: nobody goes round in circles.
    let round = |name| Made { previous: Some(name), next: Some(name), ..plain((None, None), 1, 0xFFFF) };
    let read = read_all(&[("a", round("b")), ("b", round("a"))]);
    assert!(read.values().all(|cabinet| !matches!(cabinet, Cabinet::Read(_))), "{read:?}");
}

#[test]
fn quantum_is_listed_and_an_unknown_method_is_damage() {
    let packed = |method| Made { folders: vec![(method, vec![(7, b"mmmmmmm")])], ..plain((None, None), 1, 0) };
    assert!(matches!(one(&packed(0x1472)), Cabinet::Listed(_, why) if why.contains("cannot read Quantum")));
    assert!(matches!(one(&packed(4)), Cabinet::Damaged(why) if why.contains("method 4")));
    assert!(matches!(one(&packed(0x0E03)), Cabinet::Damaged(why) if why.contains("window of 14 bits")));
    assert!(matches!(one(&packed(0x1503)), Cabinet::Damaged(why) if why.contains("LZX")));
}
