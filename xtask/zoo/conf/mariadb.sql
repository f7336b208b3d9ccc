CREATE USER zoo@'%' IDENTIFIED BY 'zoo';
GRANT ALL ON *.* TO zoo@'%';
