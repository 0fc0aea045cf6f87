/** One panel: its title, its unit, and what is drawn. */
interface Panel {
  readonly title: string;
  readonly unit: string;
  readonly draw: Readonly<Record<string, string>>;
}

const at95 = (metric: string, by: string): string =>
  `histogram_quantile(0.95, sum by (${by}, le) (rate(${metric}_bucket[$__rate_interval])))`;
const rate = (metric: string, by = ''): string =>
  `sum${by === '' ? '' : ` by (${by})`} (rate(${metric}[$__rate_interval]))`;

const panels: readonly Panel[] = [
  { title: 'Answers', unit: 'reqps', draw: { '{{status}}': rate('gateway_requests_total', 'status') } },
  {
    title: 'Time of 95 % of answers',
    unit: 's',
    draw: { '{{interaction}}': at95('gateway_request_duration_seconds', 'interaction') },
  },
  {
    title: 'Time of 95 % of stages',
    unit: 's',
    draw: { '{{stage}}': at95('gateway_stage_duration_seconds', 'stage') },
  },
  {
    title: 'Consents: remembered, of those asked for',
    unit: 'percentunit',
    draw: {
      remembered:
        'sum(rate(gateway_consent_cache_total{result="hit"}[$__rate_interval])) / sum(rate(gateway_consent_cache_total[$__rate_interval]))',
    },
  },
  {
    title: 'Time until a changed Consent is heard of, 95 %',
    unit: 's',
    draw: { '{{store}}': at95('gateway_consent_change_delay_seconds', 'store') },
  },
  {
    title: 'Labels of candidates: stated by the FHIR server, added here, none',
    unit: 'ops',
    draw: { '{{labels}}': rate('gateway_candidates_total', 'labels') },
  },
  {
    title: 'Answers in stated emergencies, an hour',
    unit: 'short',
    draw: { emergencies: 'sum(increase(gateway_emergency_answers_total[1h]))' },
  },
  {
    title: 'Released and withheld',
    unit: 'ops',
    draw: { released: rate('gateway_released_resources_total'), withheld: rate('gateway_withheld_resources_total') },
  },
  { title: 'Requests under way', unit: 'short', draw: { '{{pod}}': 'sum by (pod) (gateway_in_flight_requests)' } },
  {
    title: 'Outbox',
    unit: 'percentunit',
    draw: { '{{pod}}': 'max by (pod) (gateway_outbox_bytes / gateway_outbox_maximum_bytes)' },
  },
  {
    title: 'Oldest undelivered record',
    unit: 's',
    draw: { '{{pod}}': 'max by (pod) (gateway_outbox_behind_seconds)' },
  },
  {
    title: 'What must be nothing',
    unit: 'short',
    draw: {
      'disclosed without record': 'sum(gateway_disclosed_without_record)',
      'not disclosed, not recordable': 'sum(gateway_unrecordable_answers)',
      'events refused by a sink': 'sum(gateway_events_refused_by_sink)',
      'breaks in the chain of records': 'sum(gateway_record_chain_alarms)',
      'alerts that the webhook did not take': 'sum(gateway_alerts_untold)',
      'pods that do not enforce': 'count(gateway_enforcement_proven < 1) or vector(0)',
      'in shadow: {{name}}': 'max by (name) (gateway_shadow_active)',
    },
  },
  {
    title: 'In shadow: left, and will be withheld',
    unit: 'ops',
    draw: { '{{name}}': rate('gateway_shadow_would_withhold_total', 'name') },
  },
  {
    title: 'Constructs of Consents not understood, an hour',
    unit: 'short',
    draw: { findings: 'sum(increase(gateway_consent_findings_total[1h]))' },
  },
  {
    title: 'Alerts of the record, an hour',
    unit: 'short',
    draw: { '{{rule}}': 'sum by (rule) (increase(gateway_alerts[1h]))' },
  },
  {
    title: 'Consent stores and Redis: 1 where they answer',
    unit: 'short',
    draw: { '{{store}}': 'min by (store) (gateway_consent_store_up)', Redis: 'min(gateway_redis_up)' },
  },
  {
    title: 'Records not delivered',
    unit: 'short',
    draw: { '{{pod}}': 'sum by (pod) (gateway_outbox_records)' },
  },
  {
    title: 'Readings of Consents that failed',
    unit: 'ops',
    draw: { '{{store}} {{code}}': rate('gateway_consent_store_failures_total', 'store, code') },
  },
];

/** Grafana's variable of that name. */
const datasource = '$datasource';
const columns = 2;
const width = 24 / columns;
const height = 8;

/** The text of helm/files/dashboard.json, for Grafana. */
export function renderDashboard(): string {
  const dashboard = {
    uid: 'fhir-consent-gateway',
    title: 'FHIR Consent Gateway',
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: {
      list: [{ name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus' }],
    },
    panels: panels.map(({ title, unit, draw }, index) => ({
      id: index + 1,
      type: 'timeseries',
      title,
      datasource: { type: 'prometheus', uid: datasource },
      gridPos: { x: (index % columns) * width, y: Math.floor(index / columns) * height, w: width, h: height },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: Object.entries(draw).map(([legendFormat, expr], number) => ({
        refId: String.fromCharCode(65 + number),
        expr,
        legendFormat,
      })),
    })),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
