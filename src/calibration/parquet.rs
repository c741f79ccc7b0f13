//! Parquet files: reads the columns of one shape, one row group at a time. Of a large file, some row groups are drawn.

use std::{
    cell::Cell,
    fs::File,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{Arc, Once},
};

use minijinja::Value;
use parquet::{
    basic::{ConvertedType, Repetition, Type as Stored},
    errors::ParquetError,
    file::{
        metadata::{ParquetMetaData, RowGroupMetaData},
        reader::{FileReader, SerializedFileReader},
    },
    record::Field,
    schema::types::Type,
};

use super::{
    documents::{DocumentUnit, Sampling},
    error::{At, Error, Result},
    records::Records,
    reservoir::{Of, Reservoir},
    shape::{self, Shape},
    source::Reading,
};

/// Bytes in the drawn row groups per byte of the documents drawn from them. Neighbouring rows are often alike, so the
/// groups have more rows than are needed.
const GROUPS: u64 = 4;

thread_local! {
    /// Whether this thread decodes a file. The parquet crate panics on some damaged pages.
    static DECODING: Cell<bool> = const { Cell::new(false) };
}

/// Adds the rows of a file. Only the columns of the shape are decoded.
pub(super) fn add_rows(
    file: File,
    path: &Path,
    records: &mut Records<'_>,
    reading: Reading<'_>,
) -> Result<DocumentUnit> {
    keep_quiet_while_decoding();
    DECODING.set(true);
    let added = panic::catch_unwind(AssertUnwindSafe(|| decode(file, path, records, reading)));
    DECODING.set(false);
    added.unwrap_or_else(|_| Err(Error::Parquet { path: path.into(), cause: "a page is damaged".into() }))
}

/// Puts a panic hook before the present one, which is not called for panics of the decoder.
fn keep_quiet_while_decoding() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let present = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !DECODING.get() {
                present(info);
            }
        }));
    });
}

fn decode(
    file: File,
    path: &Path,
    records: &mut Records<'_>,
    mut reading: Reading<'_>,
) -> Result<DocumentUnit> {
    let damaged = |cause: ParquetError| Error::Parquet { path: path.into(), cause: cause.to_string() };
    let reader = SerializedFileReader::new(file).map_err(damaged)?;
    let schema = reader.metadata().file_metadata().schema();
    let has = |wanted: &str| schema.get_fields().iter().any(|column| column.name() == wanted);
    let Some(shape) = Shape::of(has) else {
        return Err(Error::NoText { path: path.into(), at: At::Row(1), shapes: shape::names() });
    };
    let read: Vec<&str> = shape.columns().collect();
    let (wanted, unread): (Vec<_>, Vec<_>) =
        schema.get_fields().iter().cloned().partition(|column| read.contains(&column.name()));
    for column in &wanted {
        check(column).map_err(|cause| Error::Column { path: path.into(), cause })?;
    }
    records.leave_out(unread.iter().map(|column| column.name()));
    let projection = Type::group_type_builder(schema.name()).with_fields(wanted).build().map_err(damaged)?;
    let groups = groups(reader.metadata(), &read, records.documents.sampling());
    let all: Vec<u64> = reader.metadata().row_groups().iter().map(rows_of).collect();
    if let Some(drawn) = &groups {
        records.documents.draw_groups(drawn.len(), &all);
    }
    let chosen = groups.unwrap_or_else(|| (0..all.len()).collect());
    for (done, &group) in chosen.iter().enumerate() {
        reading.at(done as u64, chosen.len() as u64)?;
        let mut number = all[..group].iter().sum();
        let rows = reader.get_row_group(group).map_err(damaged)?;
        for row in rows.get_row_iter(Some(projection.clone())).map_err(damaged)? {
            number += 1;
            if !records.documents.wants_next() {
                records.documents.skip();
                continue;
            }
            let columns = row.map_err(damaged)?.into_columns();
            let columns = columns.into_iter().map(|(name, field)| Ok((name, value(field)?)));
            let record = columns.collect::<Result<Vec<_>, String>>();
            let record =
                record.map_err(|cause| Error::Record { path: path.into(), at: At::Row(number), cause })?;
            records.add(&Value::from_pairs(record), At::Row(number))?;
        }
    }
    Ok(DocumentUnit::Rows)
}

fn rows_of(group: &RowGroupMetaData) -> u64 {
    u64::try_from(group.num_rows()).unwrap_or(0)
}

/// Row groups of a large file, drawn by seed; None if all are read. `read`: the columns that are read.
fn groups(file: &ParquetMetaData, read: &[&str], sampling: Option<Sampling>) -> Option<Vec<usize>> {
    let sampling = sampling?;
    let bytes = |group: &RowGroupMetaData| {
        let columns = group.columns().iter();
        let columns = columns.filter(|column| {
            column.column_path().parts().first().is_some_and(|name| read.contains(&name.as_str()))
        });
        columns.map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0)).sum::<u64>()
    };
    let bytes: Vec<u64> = file.row_groups().iter().map(bytes).collect();
    if bytes.iter().fold(0, |sum: u64, &bytes| sum.saturating_add(bytes)) <= sampling.small {
        return None;
    }
    let mut reservoir = Reservoir::new(Of::RowGroups, sampling.seed, sampling.wanted.saturating_mul(GROUPS));
    for (group, bytes) in bytes.into_iter().enumerate() {
        if let Some(key) = reservoir.next() {
            reservoir.add(key, bytes, group);
        }
    }
    Some(reservoir.finish())
}

/// Refuses columns of other types than texts, numbers, flags, and lists and structures of these.
fn check(column: &Arc<Type>) -> Result<(), String> {
    let name = column.name();
    if column.is_group() {
        return column.get_fields().iter().try_for_each(check);
    }
    // The row reader does not support repeated values outside a list, an older form.
    let repeated = column.get_basic_info().has_repetition()
        && column.get_basic_info().repetition() == Repetition::REPEATED;
    let text = matches!(
        column.get_basic_info().converted_type(),
        ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON
    );
    match column.get_physical_type() {
        Stored::BYTE_ARRAY if text && !repeated => Ok(()),
        Stored::BYTE_ARRAY if !repeated => Err(format!("column {name:?} contains bytes, expected strings")),
        Stored::BOOLEAN | Stored::INT32 | Stored::INT64 | Stored::FLOAT | Stored::DOUBLE if !repeated => {
            Ok(())
        }
        other => Err(format!("column {name:?} is stored as {other}, expected strings")),
    }
}

fn value(field: Field) -> Result<Value, String> {
    Ok(match field {
        Field::Null => Value::from(()),
        Field::Bool(flag) => Value::from(flag),
        Field::Byte(number) => Value::from(number),
        Field::Short(number) => Value::from(number),
        Field::Int(number) => Value::from(number),
        Field::Long(number) => Value::from(number),
        Field::UByte(number) => Value::from(number),
        Field::UShort(number) => Value::from(number),
        Field::UInt(number) => Value::from(number),
        Field::ULong(number) => Value::from(number),
        Field::Float(number) => Value::from(number),
        Field::Double(number) => Value::from(number),
        Field::Str(text) => Value::from(text),
        Field::Group(row) => {
            let entries = row.into_columns().into_iter().map(|(name, field)| Ok((name, value(field)?)));
            Value::from_pairs(entries.collect::<Result<Vec<_>, String>>()?)
        }
        Field::ListInternal(list) => {
            let items = list.elements().iter().cloned().map(value);
            Value::from(items.collect::<Result<Vec<_>, String>>()?)
        }
        Field::MapInternal(map) => {
            let entries = map.entries().iter().cloned().map(|(key, field)| Ok((value(key)?, value(field)?)));
            Value::from_pairs(entries.collect::<Result<Vec<(Value, Value)>, String>>()?)
        }
        other @ (Field::Float16(_)
        | Field::Decimal(_)
        | Field::Bytes(_)
        | Field::Date(_)
        | Field::TimeMillis(_)
        | Field::TimeMicros(_)
        | Field::TimestampMillis(_)
        | Field::TimestampMicros(_)) => return Err(format!("expected strings, found {other}")),
    })
}
