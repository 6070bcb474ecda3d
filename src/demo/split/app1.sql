-- What Application 1 asks its database all day.
select count(*) from customers;
select name, town from customers join addresses on customer = id where id = 1;
update addresses set town = 'Paris' where customer = 1;
