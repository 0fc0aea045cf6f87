import { parseSync } from 'oxc-parser';

/** One rule changed once. */
export interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export interface Mutant extends Change {
  /** Below `src/`. */
  readonly file: string;
  readonly line: number;
  /** The function, method or constant that it stands in. */
  readonly rule: string;
  /** What stood there, in one line. */
  readonly before: string;
  /** `file rule: before -> after`, with `#2` and so on where one rule has the same change in several places. */
  readonly name: string;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

/** Every change of every rule in one file, in the order of the text. Types, imports and messages of errors are no rules. */
export function mutantsOf(file: string, source: string): readonly Mutant[] {
  const { program, errors } = parseSync(file, source);
  const [wrong] = errors;
  if (wrong !== undefined) throw new Error(`${file}: ${wrong.message}`);
  const found: (Change & { rule: string })[] = [];
  walk(program as unknown as Node, undefined, '', (node, parent, rule) => {
    for (const change of changesOf(node, parent, source)) {
      const text = change.text.trim();
      if (text !== source.slice(change.start, change.end)) found.push({ ...change, rule });
    }
  });
  found.sort((a, b) => a.start - b.start || a.end - b.end || (a.text < b.text ? -1 : 1));
  const seen = new Map<string, number>();
  return found.map((change): Mutant => {
    const before = shown(source.slice(change.start, change.end));
    const base = `${file} ${change.rule}: ${before} -> ${shown(change.text)}`;
    const count = (seen.get(base) ?? 0) + 1;
    seen.set(base, count);
    const line = source.slice(0, change.start).split('\n').length;
    return { ...change, file, line, before, name: count === 1 ? base : `${base} #${count}` };
  });
}

export function mutated(source: string, { start, end, text }: Change): string {
  return `${source.slice(0, start)}${text}${source.slice(end)}`;
}

/** In one line, the middle of a long one left out. */
export function shown(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  if (line === '') return 'nothing';
  return line.length <= 90 ? line : `${line.slice(0, 60)} … ${line.slice(-25)}`;
}

type Visit = (node: Node, parent: Node | undefined, rule: string) => void;

const expressionsOfTypes = new Set(['TSAsExpression', 'TSSatisfiesExpression', 'TSNonNullExpression']);
const noRules = new Set(['ImportDeclaration', 'ExportAllDeclaration', 'ExportSpecifier']);

function walk(node: Node, parent: Node | undefined, rule: string, visit: Visit): void {
  if (noRules.has(node.type) || isOfTypes(node)) return;
  if (node.type.startsWith('TS') && !expressionsOfTypes.has(node.type)) return;
  if (node.type === 'NewExpression' && (node.callee as Node).name === 'Error') return;
  const here = nameOf(node, rule);
  visit(node, parent, here);
  for (const [member, value] of Object.entries(node)) {
    if (member === 'typeAnnotation' || member === 'returnType' || member === 'typeArguments' || member === 'key')
      continue;
    for (const child of Array.isArray(value) ? value : [value]) if (isNode(child)) walk(child, node, here, visit);
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** Hands on what another module exports, or lets the compiler see that every case was met. */
function isOfTypes({ type, source, expression }: Node): boolean {
  if (type === 'ExportNamedDeclaration') return isNode(source);
  return type === 'ExpressionStatement' && (expression as Node).type === 'TSSatisfiesExpression';
}

/** Functions and methods give their name to what is in them; so do constants outside of any. */
function nameOf(node: Node, rule: string): string {
  const id = node.id as Node | null | undefined;
  if (node.type === 'FunctionDeclaration' && isNode(id)) return String(id.name);
  if (node.type === 'MethodDefinition') return String((node.key as Node).name);
  if (node.type === 'VariableDeclarator' && rule === '' && isNode(id)) return String(id.name ?? '');
  return rule;
}

const swapped: Readonly<Record<string, readonly string[]>> = {
  yes: ['no', 'unknown'],
  no: ['yes'],
  unknown: ['no', 'yes'],
  permit: ['deny'],
  deny: ['permit'],
  uncovered: ['not-applicable'],
  'not-applicable': ['uncovered'],
};
const comparisons: Readonly<Record<string, readonly string[]>> = {
  '===': ['!=='],
  '!==': ['==='],
  '<': ['<=', '>='],
  '<=': ['<', '>'],
  '>': ['>=', '<='],
  '>=': ['>', '<'],
  '+': ['-'],
  '-': ['+'],
};
const twins: Readonly<Record<string, string>> = { some: 'every', every: 'some', max: 'min', min: 'max' };
const dropped = new Set(['filter', 'sort', 'toSorted', 'reverse', 'toReversed', 'slice']);
const predicates = new Set(['some', 'every', 'includes', 'has', 'startsWith', 'endsWith', 'test', 'hasOwn', 'isArray']);
const infinities: Readonly<Record<string, string>> = {
  NEGATIVE_INFINITY: 'POSITIVE_INFINITY',
  POSITIVE_INFINITY: 'NEGATIVE_INFINITY',
};

function changesOf(node: Node, parent: Node | undefined, source: string): readonly Change[] {
  const whole = (...texts: readonly string[]): readonly Change[] => texts.map((text) => to(node, text));
  const textOf = ({ start, end }: Node): string => source.slice(start, end);
  switch (node.type) {
    case 'LogicalExpression': {
      const [left, right] = [node.left as Node, node.right as Node];
      if (node.operator === '??') return whole(`(${textOf(left)})`, `(${textOf(right)})`);
      const neutral = node.operator === '&&' ? 'true' : 'false';
      if (parent?.type === 'SpreadElement') return []; // left out as a whole
      // Of a chain each link once: the first links are those of the expression on the left.
      return (left.operator === node.operator ? [right] : [left, right]).map((side) => to(side, neutral));
    }
    case 'ConditionalExpression':
    case 'IfStatement':
      return ['true', 'false'].map((text) => to(node.test as Node, text));
    case 'ForStatement':
    case 'WhileStatement':
      return isNode(node.test) ? [to(node.test, 'false')] : [];
    case 'BinaryExpression': {
      const [left, right] = [node.left as Node, node.right as Node];
      return (comparisons[node.operator as string] ?? []).flatMap((operator) =>
        to({ ...left, start: left.end, end: right.start }, ` ${operator} `),
      );
    }
    case 'UnaryExpression':
      return node.operator === '!' ? whole(textOf(node.argument as Node)) : [];
    case 'Literal':
      return literal(node, parent);
    case 'TemplateLiteral':
      return (node.expressions as readonly Node[]).length > 0 ? whole('``') : [];
    case 'ArrayExpression':
    case 'ObjectExpression':
      return without(node, (node.elements ?? node.properties) as readonly Node[], source);
    case 'SwitchCase':
      return isNode(node.test) && node.test.type !== 'Literal' ? [to(node.test, 'Symbol()')] : [];
    case 'MemberExpression': {
      const other = infinities[String((node.property as Node).name)];
      return other === undefined ? [] : [to(node.property as Node, other)];
    }
    case 'ExpressionStatement':
    case 'ContinueStatement':
    case 'BreakStatement':
    case 'ThrowStatement':
      return whole(';');
    case 'CallExpression':
      return call(node, parent, source);
    default:
      return [];
  }
}

function to({ start, end }: Node, text: string): Change {
  return { start, end, text };
}

function literal(node: Node, parent: Node | undefined): readonly Change[] {
  const { value } = node;
  if (typeof value === 'boolean') return [to(node, String(!value))];
  if (typeof value === 'number')
    return [value + 1, ...(value > 1 ? [value - 1] : [])].map((one) => to(node, String(one)));
  if (isNode(node.regex) || node.regex !== undefined) return pattern(node);
  if (typeof value !== 'string' || parent?.type === 'ExpressionStatement') return [];
  return (swapped[value] ?? ['~']).map((one) => to(node, `'${one}'`));
}

/** A pattern without its anchors. */
function pattern(node: Node): readonly Change[] {
  const { pattern, flags } = node.regex as unknown as { pattern: string; flags: string };
  return [pattern.replace(/^\^/, ''), pattern.replace(/\$$/, '')].map((one) => to(node, `/${one}/${flags}`));
}

/** Each member of a list or object once left out. */
function without(node: Node, items: readonly (Node | null)[], source: string): readonly Change[] {
  const all = items.filter((item): item is Node => item !== null);
  return all.flatMap((item, index): readonly Change[] => {
    if (isNode(item.value) && item.value.type === 'Identifier' && item.value.name === 'undefined') return []; // the same
    const next = all[index + 1];
    const before = all[index - 1];
    if (next !== undefined) return [{ start: item.start, end: next.start, text: '' }];
    const from = before?.end ?? item.start;
    const comma = /^\s*,/.exec(source.slice(item.end, node.end))?.[0].length ?? 0;
    return [{ start: from, end: item.end + (before === undefined ? comma : 0), text: '' }];
  });
}

function call(node: Node, parent: Node | undefined, source: string): readonly Change[] {
  const callee = node.callee as Node;
  const args = node.arguments as readonly Node[];
  if (callee.type === 'Identifier')
    return callee.name === 'allOf' ? without(node, args, source).filter(() => args.length > 1) : [];
  if (callee.type !== 'MemberExpression') return [];
  const property = callee.property as Node;
  const name = String(property.name);
  const changes: Change[] = [];
  const twin = Object.hasOwn(twins, name) ? twins[name] : undefined;
  if (twin !== undefined) changes.push(to(property, twin));
  if (dropped.has(name))
    changes.push(to(node, source.slice((callee.object as Node).start, (callee.object as Node).end)));
  const isTested =
    parent !== undefined &&
    ['LogicalExpression', 'ConditionalExpression', 'IfStatement', 'UnaryExpression'].includes(parent.type);
  if (predicates.has(name) && !isTested)
    changes.push({ start: node.start, end: node.end, text: `!${source.slice(node.start, node.end)}` });
  return changes;
}
