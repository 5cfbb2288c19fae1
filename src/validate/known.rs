//! The types that the walk treats in a way of their own, by their numbers: it meets every element, and names take long to compare.

use crate::model::schema::{Kind, Schema, TypeId};

/// Numbers of types.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) extension: TypeId,
    pub(super) reference: TypeId,
    pub(super) coding: TypeId,
    /// By [`TypeId`]: whether values of the type are resources or hold some.
    holders: Vec<bool>,
}

impl Known {
    pub(super) fn of(schema: &Schema) -> Self {
        let named = |name: &str| schema.type_named(name).unwrap_or(TypeId::NONE);
        Self { extension: named("Extension"), reference: named("Reference"), coding: named("Coding"), holders: holders(schema) }
    }

    /// Whether a value of the type is a resource or may hold one.
    pub(super) fn holds_resources(&self, ty: TypeId) -> bool {
        self.holders.get(usize::from(ty.0)).copied().unwrap_or(true)
    }
}

/// Resources hold themselves; a type holds what the types of its elements hold, until nothing is added.
fn holders(schema: &Schema) -> Vec<bool> {
    let types: Vec<TypeId> = (0..).map(TypeId).take_while(|ty| schema.facts(*ty).is_some()).collect();
    let mut holders: Vec<bool> = types.iter().map(|ty| matches!(schema.kind(*ty), Kind::Resource | Kind::AnyResource)).collect();
    loop {
        let holds = |ty: &TypeId| holders.get(usize::from(ty.0)).copied().unwrap_or(false);
        let next: Vec<bool> =
            types.iter().map(|ty| holds(ty) || schema.elements(*ty).iter().any(|element| element.types.iter().any(holds))).collect();
        if next == holders {
            return holders;
        }
        holders = next;
    }
}
