-- Shorthand for gold SQL: a deal or a line of it with names for ids and money in major units.
create temp view deal as
select o.id, o.name, u.name as owner, m.name as manager, tm.name as team,
       coalesce(ot.region, ut.region) as region, coalesce(ot.name, ut.name) as territory,
       a.name as account, a.industry, a.country, a.city, s.name as stage, s.status,
       s.probability, o.amount_minor / 100.0 as amount, o.currency, o.lead_source, o.lost_reason,
       o.competitor, o.forecast_category, o.next_step, o.opened_on, o.expected_close_on, o.closed_on
from opportunities o
join stages s on s.id = o.stage_id
left join users u on u.id = o.owner_id
left join users m on m.id = u.manager_id
left join teams tm on tm.id = u.team_id
left join territories ut on ut.id = u.territory_id
left join territories ot on ot.id = o.territory_id
left join accounts a on a.id = o.account_id;

create temp view line as
select d.*, p.name as product, p.family, l.quantity, l.amount_minor / 100.0 as line_amount
from deal d
join opportunity_lines l on l.opportunity_id = d.id
join products p on p.id = l.product_id;

create temp view won as select * from deal where status = 'won';
create temp view wonline as select * from line where status = 'won';
