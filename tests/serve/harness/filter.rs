//! System calls taken away from a server: by a filter (seccomp(2)) that its threads
//! inherit from the one that starts it. Nothing else of this process is touched.

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use super::TestServer;

/// One system call: always, or only with one of these bits in an argument.
pub type Call = (i64, Option<(u8, i32)>);

/// What `start` starts, with a filter on all its threads: `calls` get `action` for an answer.
pub fn filtered<T: Send>(calls: &[Call], action: SeccompAction, start: impl FnOnce() -> T + Send) -> T {
    let mut rules: std::collections::BTreeMap<i64, Vec<SeccompRule>> = std::collections::BTreeMap::new();
    for (call, bits) in calls {
        let rules = rules.entry(*call).or_default();
        let Some((argument, bits)) = bits else { continue };
        for bit in (0..31).map(|shift| 1u64 << shift).filter(|bit| *bits as u64 & bit != 0) {
            let is_set = SeccompCmpOp::MaskedEq(bit);
            let condition = SeccompCondition::new(*argument, SeccompCmpArgLen::Dword, is_set, bit).unwrap();
            rules.push(SeccompRule::new(vec![condition]).unwrap());
        }
    }
    let machine = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, machine).unwrap();
    let program: BpfProgram = filter.try_into().unwrap();
    std::thread::scope(|scope| {
        let starting = scope.spawn(move || {
            apply_filter(&program).unwrap();
            start()
        });
        starting.join().unwrap()
    })
}

/// The same, where `openat2` fails: by ENOSYS on a kernel that has none, by EPERM in a
/// container that forbids it.
pub fn without_openat2(error: i32, start: impl FnOnce() -> TestServer + Send) -> TestServer {
    filtered(&[(libc::SYS_openat2, None)], SeccompAction::Errno(error as u32), start)
}
