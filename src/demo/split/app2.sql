-- What Application 2 asks its database all day.
select count(*) from orders;
select article from latest;
insert into orders (customer, article) values (2, 'shelf');
