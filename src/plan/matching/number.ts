import { escapeValue, split, unescapeValue } from '../escape.ts';
import { type Found, isObject, text } from './extract.ts';
import { type Prefix, prefixed, printed, type Rejected, type Test } from './test.ts';

/** A decimal with the half-open range that its written precision stands for: 100 is [99.5, 100.5). */
interface Decimal {
  readonly text: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A number value (FHIR R4 Search, "number"): equality within the written precision, the other prefixes on the exact
 * value. Exponents are not served (the standard's precision rule and example disagree); nor are `sa`, `eb`, `ap`.
 */
export function parseNumber(raw: string): Test | Rejected {
  const value = unescapeValue(raw);
  if (value === undefined) return 'malformed';
  const { prefix, rest } = prefixed(value);
  const wanted = decimal(rest);
  if (typeof wanted === 'string') return wanted;
  const compare = comparisonOf(prefix, wanted);
  if (compare === undefined) return 'unsupported';
  return {
    canonical: printed(prefix) + escapeValue(wanted.text),
    negative: prefix === 'ne',
    holds: (found) => typeof found.value === 'number' && compare(found.value),
  };
}

/**
 * A quantity value (FHIR R4 Search, "quantity"): `number`, `number|system|code`, `number||unit`. Units are compared,
 * never converted.
 */
export function parseQuantity(raw: string): Test | Rejected {
  const parts = split(raw, '|').map(unescapeValue);
  const [number, system = '', code = ''] = parts;
  if (parts.includes(undefined) || number === undefined || (parts.length !== 1 && parts.length !== 3)) {
    return 'malformed';
  }
  if (parts.length === 3 && code === '') return system === '' ? 'malformed' : 'unsupported';
  const { prefix, rest } = prefixed(number);
  const wanted = decimal(rest);
  if (typeof wanted === 'string') return wanted;
  const compare = comparisonOf(prefix, wanted);
  if (compare === undefined) return 'unsupported';
  const unit = parts.length === 1 ? '' : `|${escapeValue(system)}|${escapeValue(code)}`;
  return {
    canonical: printed(prefix) + escapeValue(wanted.text) + unit,
    negative: prefix === 'ne',
    holds: (found) => {
      const quantity = quantityOf(found);
      if (quantity === undefined || !compare(quantity.value)) return false;
      if (parts.length === 1) return true;
      if (system === '') return quantity.code === code || quantity.unit === code;
      return quantity.system === system && quantity.code === code;
    },
  };
}

interface Quantity {
  readonly value: number;
  readonly system: string | undefined;
  readonly code: string | undefined;
  readonly unit: string | undefined;
}

function quantityOf({ datatype, value }: Found): Quantity | undefined {
  if (!isObject(value) || typeof value.value !== 'number') return undefined;
  const amount = value.value;
  if (datatype === 'Money') {
    return { value: amount, system: 'urn:iso:std:iso:4217', code: text(value, 'currency'), unit: undefined };
  }
  return { value: amount, system: text(value, 'system'), code: text(value, 'code'), unit: text(value, 'unit') };
}

function decimal(written: string): Decimal | Rejected {
  if (/^-?\d+(\.\d+)?[eE][+-]?\d+$/.test(written)) return 'unsupported';
  const match = /^(-?)(\d{1,20})(?:\.(\d{1,20}))?$/.exec(written);
  if (match === null) return 'malformed';
  const [, sign = '', whole = '', fraction = ''] = match;
  const scaled = BigInt(`${sign}${whole}${fraction}0`);
  const at = (units: bigint): number => Number(`${units}e-${fraction.length + 1}`);
  return { text: written, value: Number(written), low: at(scaled - 5n), high: at(scaled + 5n) };
}

function comparisonOf(prefix: Prefix, wanted: Decimal): ((value: number) => boolean) | undefined {
  switch (prefix) {
    case 'eq':
      return (value) => value >= wanted.low && value < wanted.high;
    case 'ne':
      return (value) => value < wanted.low || value >= wanted.high;
    case 'gt':
      return (value) => value > wanted.value;
    case 'lt':
      return (value) => value < wanted.value;
    case 'ge':
      return (value) => value >= wanted.value;
    case 'le':
      return (value) => value <= wanted.value;
    default:
      return undefined;
  }
}
