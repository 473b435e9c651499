//! Owners, set-id bits and capabilities of unpacked members: recorded, set, or refused.

use super::member::{Kind, Member};
use super::rules::{Owners, Profile, refused};
use super::tree::Tree;
use crate::error::Result;
use crate::tree::attributes::{Attribute, is_capability};

impl Tree<'_> {
    /// The attributes of a member to record. Attributes that are neither recorded nor set are counted or refused.
    pub(super) fn attribute(&mut self, name: &[u8], member: &Member) -> Result<Attribute> {
        let (owners, profile) = (self.rules.owners, self.rules.profile);
        let owned = member.uid != Some(0) || member.gid != Some(0);
        if let Some(value) = &member.capabilities {
            if member.kind != Kind::File {
                return Err(refused(name, "capabilities of an entry that is not a file"));
            } else if profile == Profile::Source {
                self.summary.drop(b"capabilities", 1);
            } else if owners == Owners::Drop {
                return Err(refused(
                    name,
                    "capabilities, which the option `attributes` asks for",
                ));
            } else if !is_capability(value) {
                return Err(refused(name, "capabilities of an unknown form"));
            }
        }
        match owners {
            // The owners in a source archive have no meaning, so they are not counted.
            Owners::Drop => {
                if owned && profile == Profile::Rootfs {
                    self.summary.drop(b"owner", 1);
                }
                return Ok(Attribute::default());
            }
            _ if member.uid.is_none() || member.gid.is_none() => {
                return Err(refused(name, "an owner that is no number"));
            }
            Owners::Apply => return Ok(Attribute::default()),
            Owners::Collect => {}
        }
        let special = member.mode & 0o6000 != 0 && member.kind != Kind::Symlink;
        Ok(Attribute {
            uid: member.uid.filter(|&id| id != 0),
            gid: member.gid.filter(|&id| id != 0),
            mode: special.then_some(member.mode),
            capabilities: member.capabilities.clone(),
        })
    }

    /// The owner to set.
    pub(super) fn owner(&self, member: &Member) -> Option<(u32, u32)> {
        let wanted = self.rules.owners == Owners::Apply;
        member.uid.zip(member.gid).filter(|_| wanted)
    }

    /// Records the attributes of a path, and drops earlier ones. The path is stored with links resolved.
    pub(super) fn record_attribute(&mut self, name: &[u8], attribute: Attribute) -> Result<()> {
        let told = attribute != Attribute::default();
        if !told && self.summary.attributes.is_empty() {
            return Ok(());
        }
        let real = self.real(name)?;
        if told {
            self.summary.attributes.insert(real, attribute);
        } else {
            self.summary.attributes.remove(&real);
        }
        Ok(())
    }

    /// The recorded attributes of a path.
    pub(super) fn recorded_attribute(&mut self, name: &[u8]) -> Result<Attribute> {
        if self.summary.attributes.is_empty() {
            return Ok(Attribute::default());
        }
        let real = self.real(name)?;
        let found = self.summary.attributes.get(&real);
        Ok(found.cloned().unwrap_or_default())
    }
}
