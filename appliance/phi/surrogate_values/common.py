"""Common names of the United States from which surrogates are drawn, where nothing is known of a name's origin.

From the name frequency files of the Census Bureau (1990, public domain).  A name MUST NOT stand here that is also an
everyday word (Grace, Mark, Young), a clinical eponym (Wilson, Foley) or either of them backwards: an answer that uses
the word would have it taken for a surrogate and "restored".
"""

FEMALE = """
    Janet Catherine Joyce Doris Cheryl Mildred Judith Janice Judy Kathy Theresa Denise Tammy Irene Lori Marilyn
    Kathryn Louise Sara Anne Wanda Julia Lois Tina Phyllis Norma Paula Annie Lillian Emily Peggy Gladys Rita
    Florence Edna Tiffany Rosa Cindy Wendy Victoria Edith Sylvia Josephine Thelma Sheila Ethel Ellen Elaine Marjorie
    Carrie Charlotte Monica Esther Pauline Emma Juanita Anita Rhonda Debbie Clara Lucille Joanne Eleanor Valerie
    Danielle Alicia Suzanne Michele Bertha Darlene Veronica Jill Geraldine Cathy Joann Lorraine Regina Erica
    Beatrice Dolores Bernice Audrey Yvonne Annette Samantha Renee Vivian Roberta Melanie Loretta Yolanda Jeanette
    Laurie Katie Kristen Vanessa Alma Elsie Beth Jeanne Vicki Carla Eileen Terri Gertrude Lucy Tonya Ella Wilma
    Kristin Natalie Agnes Charlene Bessie Delores Melinda Arlene Maureen Allison Tamara Constance Lillie Claudia
    Marcia Tanya Nellie Minnie Marlene Heidi Glenda Lydia Marian Stella Caroline Dora Vickie Mattie Maxine Irma
    Mabel Marsha Christy Deanna Hilda Gwendolyn Jennie Nora Margie Nina Cassandra Leah Priscilla Naomi Carole Olga
    Dianne Leona Jenny Felicia Sonia Miriam Velma Becky Kristina Toni Shelly Ramona Sherri Erika Katrina Claire
    Geneva Belinda Sheryl Cora Faye Natasha Sabrina Isabel Hattie Harriet Molly Cecilia Kristi Brandi Blanche Rosie
    Joanna Eunice Angie Inez Lynda Madeline Amelia Alberta Genevieve Monique Jodi Janie Maggie Kayla Sonya Kristine
    Candace Fannie Maryann Alison Yvette Susie Olivia Shelley Kristy Mamie Lula Lola Verna Beulah Candice Juana
    Jeannette Kelli Hannah Bridget Karla Celia Latoya Shelia Della Vicky Lynne Sheri Marianne Kara Jacquelyn Erma
    Blanca Myra Leticia Krista Roxanne Angelica Robyn Adrienne Rosalie Alexandra Brooke Bethany Sadie Traci Kendra
    Nichole Rachael Chelsea Mable Ernestine Muriel Marcella Elena Krystal Angelina Nadine Kari Estelle Dianna
    Paulette Lora Mona Doreen Rosemarie Desiree Janis Betsy Christie Freda Mercedes Meredith Lynette Teri Cristina
    Eula Meghan Eloise Rochelle Gretchen Cecelia Raquel Henrietta Alyssa Jana Gwen Jenna Tricia Tasha Silvia Elvira
    Sophie Kate Patti Lorena Kellie Sonja Lila Darla Mindy Essie Mandy Lorene Elsa Josefina Jeannie Miranda Dixie
    Lucia Marta Lela Johanna Shari Camille Tami Shawna Elisa Melba Nettie Tabitha Winifred Kristie Alisha Aimee Rena
    Myrna Marla Tammie Latasha Bonita Patrice Ronda Sherrie Addie Francine Deloris Stacie Adriana Cheri Celeste Cara
    Adele Rebekah Lucinda Dorthy Effie Trina Reba Sallie Aurora Lenora Etta
""".split()  # noqa: SIM905 - a list of names reads better than a column of literals
"""Given names of women, the more frequent first."""

MALE = """
    Ronald Anthony Kevin Jason Gary Timothy Jose Larry Jeffrey Eric Stephen Gregory Joshua Harold Douglas Carl
    Arthur Juan Albert Jonathan Justin Gerald Samuel Willie Benjamin Brandon Adam Fred Steve Aaron Carlos Ernest
    Phillip Todd Jesse Craig Shawn Clarence Sean Chris Johnny Antonio Danny Luis Leonard Manuel Rodney Curtis Norman
    Marvin Glenn Jeffery Travis Jeff Jacob Melvin Alfred Francis Bradley Jesus Herbert Frederick Joel Edwin Eddie
    Ricky Randall Barry Alexander Bernard Mario Leroy Francisco Marcus Micheal Theodore Clifford Miguel Oscar Calvin
    Alex Ronnie Lloyd Tommy Derek Darrell Jerome Floyd Alvin Wesley Gordon Greg Jorge Dustin Pedro Zachary Corey
    Maurice Vernon Roberto Clyde Shane Ricardo Lester Brent Ramon Reginald Ruben Brett Nathaniel Rafael Edgar Milton
    Raul Chester Cecil Duane Franklin Andre Elmer Roland Arnold Harvey Jared Adrian Karl Cory Claude Erik Darryl
    Javier Fernando Clinton Mathew Tyrone Darren Lonnie Cody Julio Kurt Allan Clayton Hugh Dwayne Dwight Armando
    Felix Jimmie Everett Jordan Wallace Alfredo Alberto Dave Ivan Sidney Byron Julian Isaac Morris Clifton Willard
    Daryl Virgil Andy Marshall Salvador Kirk Sergio Seth Kent Terrance Rene Eduardo Terrence Enrique Freddie Stuart
    Fredrick Arturo Alejandro Joey Luther Wendell Jeremiah Julius Donnie Otis Trevor Oliver Luke Gerard Doug Kenny
    Hubert Angelo Shaun Lyle Alfonso Orlando Carlton Ernesto Cameron Neal Pablo Lorenzo Omar Wilbur Blake Horace
    Roderick Abraham Willis Rickey Andres Cesar Johnathan Malcolm Rudolph Kelvin Rudy Preston Alton Archie Marco
    Pete Randolph Garry Geoffrey Jonathon Felipe Bennie Gerardo Dominic Loren Colin Guillermo Lucas Benny Spencer
    Rodolfo Myron Edmund Garrett Salvatore Cedric Lowell Gregg Devin Sylvester Roosevelt Israel Jermaine Forrest
    Wilbert Leland Simon Irving Carroll Bryant Owen Rufus Woodrow Sammy Mack Levi Marcos Gustavo Jake Lionel Marty
    Ellis Gilberto Clint Nicolas Laurence Ismael Orville Ervin Dewey Wilfred Hugo Ignacio Caleb Tomas Sheldon Erick
    Doyle Darrel Rogelio Terence Santiago Alonzo Elias Bert Ramiro Conrad Noah Grady Cornelius Lamar Rolando Percy
    Dexter Bradford Darin Amos Terrell Moses Irvin Saul Darnell Randal Timmy Darrin Winston Brendan Toby Abel
    Dominick Boyd Emilio Cary Domingo Santos Aubrey Emmett Marlon Emanuel Jerald Edmond Dewayne Otto Teddy Reynaldo
    Bret Jess Trent Humberto Emmanuel Stephan Louie Vicente Lamont Micah Efrain Rodger Harley Demetrius Eldon Pierre
    Freddy Bryce Antoine Kendall Royce Grover Elton Cleveland Damian Reuben Stan Leonardo Russel Erwin Benito Hans
    Monte Blaine Ernie Quentin Agustin Jamal Devon Adolfo Harrison Tyson
""".split()  # noqa: SIM905 - a list of names reads better than a column of literals
"""Given names of men, the more frequent first."""

SURNAMES = """
    Nichols Perkins Hudson Stephens Payne Matthews Wagner Watkins Olson Snyder Andrews Harper Armstrong Greene
    Chavez Lawson Schmidt Vasquez Castillo Chapman Richards Johnston Meyer Mccoy Howell Alvarez Morrison Fernandez
    Garza Nguyen Jacobs Romero Larson Frazier Burke Hanson Mendoza Moreno Medina Carlson Pearson Holland Fleming
    Jensen Vargas Davidson Herrera Walters Caldwell Jennings Barnett Jimenez Horton Obrien Castro Sutton Mckinney
    Rodriquez Rhodes Newman Haynes Mcdaniel Mendez Dawson Steele Schultz Guzman Munoz Keller Walsh Lyons Ramsey
    Wolfe Schneider Mullins Benson Cummings Hines Baldwin Griffith Valdez Hubbard Salazar Stevenson Burgess Thornton
    Mcgee Delgado Aguilar Glover Cohen Harmon Rodgers Robbins Higgins Ingram Reese Townsend Goodwin Hampton Ortega
    Patton Swanson Goodman Maldonado Yates Becker Erickson Hodges Conner Adkins Webster Malone Hammond Osborne
    Mccarthy Guerrero Estrada Sandoval Gibbs Saunders Alvarado Greer Padilla Nunez Ballard Schwartz Mcbride Klein
    Briggs Zimmerman Buchanan Moran Copeland Pittman Mccormick Holloway Poole Abbott Massey Figueroa Roberson Boone
    Clarke Wilkins Underwood Phelps Mcguire Wilkerson Atkins Wilcox Pitts Conley Marquez Burnett Cochran Ayala
    Vazquez Dickerson Hodge Acosta Flynn Espinoza Nicholson Whitaker Oconnor Skinner Molina Huffman Gilmore
    Dominguez Oneal Hancock Gallagher Gaines Shaffer Wiggins Mathews Mcclain Fischer Melton Hensley Contreras Baxter
    Mosley Larsen Hoover Beasley Petersen Whitehead Meyers Olsen Schroeder Hartman Woodard Mueller Deleon Patel
    Calhoun Cline Navarro Harrell Humphrey Parrish Duran Robles Avila Blackwell Trevino Salinas Campos Pruitt
    Callahan Montoya Hardin Guerra Mcdowell Stafford Gallegos Henson Wilkinson Merritt Atkinson Decker Hobbs Pacheco
    Rojas Serrano Hickman Sweeney Mcclure Farrell Lowery Hurst Nixon Weiss Trujillo Sloan Juarez Mclean Boyer Mccall
    Carrillo Ayers Leblanc Velasquez Bartlett Mercado Landry Durham Mckee Bauer Bradshaw Velez Estes Dodson Sheppard
    Camacho Barron Middleton Blevins Mcconnell Hatfield Harding Giles Blackburn Woodward Finley Mcintosh Blanchard
    Rivas Brennan Mejia Buckley Maddox Russo Mcknight Mcmillan Crosby Dotson Richmond Faulkner Oneill Knapp Kline
    Ochoa Jacobson Hendricks Horne Shepard Hebert Cardenas Mcintyre Waller Holman Donaldson Cantu Morin Gillespie
    Fuentes Tillman Bentley Salas Rollins Dickson Cabrera Cervantes Hinton Hurley Spence Zamora Mcneil Suarez Gould
    Mcfarland Sampson Macdonald Melendez Farley Galloway Potts Joyner Aguirre Osborn Mercer Franco Rowland Sykes
    Pickett Dunlap Mckay Coffey Mccarty Cooley Vaughan Bonner Ferrell Cantrell Fulton Calderon Pollard Hooper Burch
    Mullen Odonnell Daugherty Dillard Alston Riggs Chaney Duffy Mayer Alford Mcpherson Acevedo Barrera Reilly
    Compton Mooney Mcgowan Clemons Nielsen Baird Rosales Holden Rutledge Kinney Clements Castaneda Slater Burks
    Delaney Lancaster Sharpe Whitfield Talley Macias Burris Ratliff Mccray Kaufman Bolton Mcfadden Levine Byers
    Carney Mcleod Holcomb England Hendrix Haney Sargent Rasmussen Hewitt Oneil Delacruz Vinson Dejesus Forbes
    Gilliam Guthrie Wooten Huber Barlow Boyle Mcmahon Buckner Rocha Puckett Langley Knowles Cooke Velazquez Hartley
    Mayfield Cowan Lucero Oconnell Boucher Boggs Dougherty Andersen Newell Crowe Friedman Pearce Childs Yarbrough
    Galvan Meeks Lozano Rangel Schaefer Rosado Stinson Ibarra Hutchins Covington Crowley Hatcher Mackey Womack
    Childress Childers Springer Mahoney Dailey Belcher Lockhart Griggs Costa Connor Brandt Walden Moser Mccann Akers
    Pryor Orozco Davies Newsome Magee Blanton Simms Godfrey Flanagan Cordova Escobar Sinclair Donahue Krueger
    Mcginnis Farris Webber Corbett Andrade Yoder Hastings Mcgrath Spivey Krause Crabtree Arrington Ritter Mcghee
    Bolden Maloney Gagnon Dunbar Ponce Mayes Beatty Mobley Kimball Montes Braun Moyer Manley Herron Plummer Elmore
    Cramer Rucker Pierson Fontenot Rubio Goldstein Elkins Novak Worley Gorman Dickinson Broussard Woodruff Britton
    Nance Lehman Bingham Zuniga Whaley Shafer Coffman Delarosa Davila Mccabe Kessler Hinkle Goldberg Goins Cuevas
    Quinones Mcdermott Samuels Denton Bergeron Locke Haines Snell Hoskins Byrne Corbin Beltran Chappell Downey
    Dooley Tuttle Payton Mcelroy Crockett Mcgill Dubois Muniz Tolbert Dempsey Cisneros Sewell Latham Tapia Rainey
    Norwood Stroud Meade Tipton Hilliard Bonilla Teague Greenwood Correa Reece Pineda Phipps Kaiser Gunter Schmitt
    Milligan Espinosa Bowden Vickers Lowry Pritchard Costello Mcclellan Lovell Sheehan Dobson Singh Jeffries
    Sorensen Donnelly Burrell Tomlinson Colbert Ritchie Helton Mcqueen Thomason Crocker Vogel Robison Dunham Coker
    Swartz Ladner Richter Hargrove Edmonds Brantley Albright Murdock Boswell Muller Quintero Padgett Kenney Connolly
    Inman Quintana Barnard Villegas Simons Huggins Tidwell Sanderson Bullard Mcclendon Duarte Draper Marrero Dwyer
    Abrams Stover Goode Fraser Bernal Godwin Conklin Mcneal Esparza Crowder Brewster Mcneill Rodrigues Coates Raines
    Mccain Mccord Holbrook Carlisle Aldridge Ackerman Starks Holliday Ferris Hairston Sheffield Lange Marino Betts
    Kaplan Ruffin Bowles Sizemore Larkin Dupree Metcalf Hutchison Henley Mccauley Hankins Gustafson Curran Waddell
    Ramey Cates Pollock Cummins Messer Heller Cornett Palacios Galindo Hathaway Enriquez Salgado Pelletier Wiseman
    Blount Feliciano Houser Doherty Mcgraw Capps Blanco Blackmon Thomson Mcmanus Burkett Dickens Cormier Rosenberg
    Dumas Benitez Arellano Caudill Bragg Jaramillo Huerta Gipson Colvin Biggs Platt Tompkins Mccollum Dolan Daley
    Crump Sneed Kilgore Grimm Davison Brunson Prater Marcum Devine Stratton Rosas Tripp Ledbetter
""".split()  # noqa: SIM905 - a list of names reads better than a column of literals
"""Surnames, the more frequent first."""
